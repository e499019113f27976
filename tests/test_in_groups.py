import numpy as np

from deephar.data.synthetic.groups import Groups
from deephar.data.synthetic.in_groups import LEAST_SHARE, LEAST_SIDE, PeopleInGroups

GROUPS = Groups(30, size=(96, 96), layout="lsp14", seed=3)


def test_people_are_those_of_the_groups():
    """A person of the picture, seen well; the joints outside it are not located."""
    reader = PeopleInGroups(30, GROUPS)
    cut = 0
    for index in range(12):
        sample = reader.sample(index)
        picture = int(sample.name.split()[-1])
        truth = GROUPS.truth(picture)
        located = np.isfinite(sample.pose_px).all(axis=1)
        alike = [np.array_equal(pose[located], sample.pose_px[located]) for pose in truth.pose_px]
        person = alike.index(True)
        assert int(sample.name.split()[1]) == person + 1
        inside = ((truth.pose_px[person] >= 0) & (truth.pose_px[person] < 96)).all(axis=1)
        np.testing.assert_array_equal(located, inside)
        cut += int(not inside.all())
        box = truth.boxes[person]
        assert truth.share[person] >= LEAST_SHARE and (box[2:] - box[:2]).max() >= LEAST_SIDE * 96
        assert np.all(np.abs(sample.pose_px[located] - sample.center_px) <= sample.window_px / 2)
    assert cut


def test_pictures_of_nobody_are_passed_over():
    """Every sample shows somebody, though some pictures do not; the same position gives the same person."""
    assert any(len(GROUPS.truth(index)) == 0 for index in range(12))
    one, other = (PeopleInGroups(30, GROUPS) for _ in range(2))
    assert [one.sample(index).name for index in range(12)] == [other.sample(index).name for index in range(12)]
    assert np.array_equal(np.asarray(one.sample(0).image), np.asarray(other.sample(0).image))
    assert len(one) == 30 and one.layout.name == "lsp14"
