"""Images in rows and columns."""

from collections.abc import Sequence

from PIL import Image

from deephar.typed import Size


def contact_sheet(pictures: Sequence[Image.Image], columns: int, tile: Size = (192, 192)) -> Image.Image:
    """Images in a grid, each fitted into a tile.

    Args:
        pictures: list of `PIL.Image.Image`.
        columns: tiles per row.
        tile: (width, height) of each in pixels.

    Returns:
        `PIL.Image.Image`.
    """
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * tile[0], rows * tile[1]))
    for number, picture in enumerate(pictures):
        picture = picture.copy()
        picture.thumbnail(tile)
        row, column = divmod(number, columns)
        sheet.paste(picture, (column * tile[0], row * tile[1]))
    return sheet


def side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    """Images of any height in a row, aligned at the top, as one `PIL.Image.Image`."""
    row = Image.new("RGB", (sum(p.width for p in pictures), max(p.height for p in pictures)))
    left = 0
    for picture in pictures:
        row.paste(picture, (left, 0))
        left += picture.width
    return row
