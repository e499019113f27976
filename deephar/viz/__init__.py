"""Drawing with Pillow: results, skeletons on photographs and in 3D, contact sheets; films and a live window of them."""

from deephar.viz.film import Film
from deephar.viz.people import draw_result, track_colour
from deephar.viz.sheets import contact_sheet, side_by_side
from deephar.viz.skeleton import draw_crop, draw_pose, side_colour
from deephar.viz.space import View, beside_photo, draw_views
from deephar.viz.window import Window

__all__ = [
    "Film", "View", "Window", "beside_photo", "contact_sheet", "draw_crop", "draw_pose", "draw_result", "draw_views",
    "side_by_side", "side_colour", "track_colour",
]  # fmt: skip
