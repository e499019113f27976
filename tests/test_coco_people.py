"""People in COCO's keypoint format, of COCO itself and of a category of one's own."""

import json

import numpy as np
import pytest
from helpers import eagerly
from PIL import Image

from deephar import geometry, layouts, models, training
from deephar.data.batches import loader
from deephar.data.readers.coco import CocoPeople
from deephar.models import outputs

BIRD = {"id": 3, "name": "bird", "keypoints": ["beak", "left_wing", "right_wing"], "skeleton": [[1, 2], [1, 3]]}


def entry(image=1, keypoints=(10, 12, 2, 20, 30, 1, 0, 0, 0), box=(5, 8, 20, 24), **more):
    return {"image_id": image, "category_id": 3, "keypoints": list(keypoints), "bbox": list(box), **more}


@pytest.fixture
def birds(tmp_path):
    """Function of annotations that writes them, beside a photograph; gives the arguments of a reader."""
    Image.new("RGB", (60, 40), "green").save(tmp_path / "bird.png")

    def written(*annotations, **changes):
        content = {"images": [{"id": 1, "file_name": "bird.png"}], "annotations": annotations, "categories": [BIRD]}
        (tmp_path / "birds.json").write_text(json.dumps({**content, **changes}))
        return tmp_path / "birds.json", tmp_path

    return written


def test_joints_window_and_what_is_unknown(birds):
    people = CocoPeople(*birds(entry(), entry(iscrowd=1), entry(keypoints=[0] * 9), entry(box=(0, 0, 0, 0))))
    assert len(people) == 2 and people.layout.names == ("beak", "left_wing", "right_wing")
    assert people.layout.links == (("beak", "left_wing"), ("beak", "right_wing")) and people.layout.flip == [0, 2, 1]
    sample = people.sample(0)
    assert sample.name == "bird.png, person 0" and sample.image.size == (60, 40)
    np.testing.assert_array_equal(sample.pose_px, [[10, 12], [20, 30], [np.nan, np.nan]])
    np.testing.assert_array_equal(sample.joint_weight, [1, 1, 0])
    np.testing.assert_allclose(sample.center_px, [15, 20])
    np.testing.assert_allclose(sample.window_px, 24 * geometry.MARGIN)
    np.testing.assert_allclose(people.sample(1).window_px, 18 * geometry.MARGIN)  # of the joints
    assert len(CocoPeople(*birds(entry(), entry(keypoints=(1, 2, 2, *[0] * 6))), least_joints=2)) == 1


@eagerly()
def test_a_network_of_its_joints_is_trained_on_it(birds):
    people = CocoPeople(*birds(entry(), entry()))
    model = models.build("lite-2d", num_joints=3, input_shape=(32, 32, 3), width=16, num_blocks=1)
    training.compile_model(model, "adam")
    batches = loader.PoseLoader([(people, 2)], (32, 32), outputs.kinds(model), augmentation="mpii")
    assert np.isfinite(model.fit(batches, verbose=0).history["loss"]).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"categories": [{"id": 3, "name": "bird"}]}, "expected a category with keypoints .there is none., not None"),
        ({"annotations": []}, "has no person of whom 1 joints are located"),
        ({"annotations": [entry(keypoints=(1, 2, 2))]}, "damaged or of the wrong kind"),
        ({"annotations": "none"}, "people in COCO's keypoint format"),
    ],
)
def test_other_files_are_refused(changes, message, birds):
    with pytest.raises(ValueError, match=message):
        CocoPeople(*birds(entry(), **changes))


def test_what_is_missing_is_named(birds, tmp_path):
    with pytest.raises(ValueError, match="No such file"):
        CocoPeople(tmp_path / "absent.json", tmp_path)
    with pytest.raises(ValueError, match="Expected the folder of the photographs"):
        CocoPeople(tmp_path / "birds.json", tmp_path / "absent")
    people = CocoPeople(*birds(entry(), entry(image=2)), category="bird")
    with pytest.raises(ValueError, match="person 1 is in photograph 2"):
        people.sample(1)
    (tmp_path / "bird.png").unlink()
    with pytest.raises(ValueError, match=r"No such photograph: .*bird.png"):
        people.sample(0)


def test_real_people(shared):
    """Three photographs of COCO: joints lie in the boxes, the nose above the ankles of who stands."""
    folder = shared / "data" / "photos" / "coco"
    people = CocoPeople(folder / "test_coco.json", folder)
    assert people.layout is layouts.get("coco17") and len(people) == 12
    there = [index for index in range(len(people)) if (folder / people._files[people._people[index][0]]).is_file()]
    assert len(there) == 7
    for index in there:
        sample = people.sample(index)
        inside = np.abs(sample.pose_px - sample.center_px) <= sample.window_px / 2
        assert inside[np.isfinite(sample.pose_px).all(axis=1)].all()
    standing = people.sample(0).pose_px
    assert standing[people.layout.index("nose"), 1] < standing[people.layout.index("l_ankle"), 1]
