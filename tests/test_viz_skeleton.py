import numpy as np
import pytest
from PIL import Image

from deephar import geometry, layouts, viz
from deephar.data.samples.crops import Crop
from deephar.viz import skeleton

LSP = layouts.get("lsp14")


@pytest.fixture
def pose():
    points = np.full((14, 2), np.nan)
    points[LSP.index("r_knee")], points[LSP.index("r_ankle")] = (10, 10), (10, 40)
    points[LSP.index("l_knee")], points[LSP.index("l_ankle")] = (40, 10), (40, 40)
    points[LSP.index("neck")], points[LSP.index("head_top")] = (25, 20), (25, 5)
    return points


def test_sides_have_their_colours(pose):
    blank = Image.new("L", (50, 50))
    pixels = np.asarray(viz.draw_pose(blank, pose, LSP))
    assert tuple(pixels[25, 10]) == skeleton.RIGHT and tuple(pixels[25, 40]) == skeleton.LEFT
    assert tuple(pixels[12, 25]) == skeleton.MIDDLE
    assert pixels[45, 45].max() == 0 and np.asarray(blank).max() == 0


def test_a_crop_is_drawn_where_its_pixels_are(pose):
    matrix = geometry.window_to_crop((25, 25), (50, 50))
    crop = Crop("drawn", np.zeros((32, 32, 3), dtype=np.uint8), (1.0, 1.0, 1.0), matrix, pose, pose / 50)
    pixels = np.asarray(viz.draw_crop(crop, pose, LSP, side=100))
    assert pixels.shape == (100, 100, 3)
    assert tuple(pixels[50, 20]) == skeleton.RIGHT and tuple(pixels[50, 80]) == skeleton.LEFT


def test_contact_sheet_places_tiles_in_rows():
    pictures = [Image.new("RGB", (30, 20), (i, 0, 0)) for i in (50, 100, 150)]
    sheet = np.asarray(viz.contact_sheet(pictures, columns=2, tile=(30, 20)))
    assert sheet.shape == (40, 60, 3)
    assert (sheet[5, 5, 0], sheet[5, 35, 0], sheet[25, 5, 0], sheet[25, 35, 0]) == (50, 100, 150, 0)
