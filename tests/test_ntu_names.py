"""Names of NTU RGB+D's clips: what they tell, and which of a split's training clips are its validation split."""

import collections
import itertools
import sys

import numpy as np
import pytest
from scripts import loaded

from deephar.data.readers import ntu, ntu_files, ntu_names

NAME = "S001C002P003R002A013"


def test_names_tell_the_clip():
    assert ntu.parse_name(NAME) == (1, 2, 3, 2, 13)
    for name in ("S001C002P003R002A013_rgb", "S1C2P3R2A13", "S001C002P003R002A000", ""):
        with pytest.raises(ValueError, match="Expected the name of a clip"):
            ntu.parse_name(name)


def test_published_numbers_of_the_splits():
    assert (len(ntu.TRAIN_SUBJECTS[60]), len(ntu.TRAIN_SUBJECTS[120])) == (20, 53)
    assert set(ntu.TRAIN_SUBJECTS[60]) < set(ntu.TRAIN_SUBJECTS[120]) <= set(range(1, 107))
    assert len(set(ntu.ACTIONS)) == 120
    assert [ntu.ACTIONS[number - 1] for number in (1, 11, 60, 120)] == [
        "drink water", "reading", "walking apart from each other", "finger-guessing game (playing rock-paper-scissors)",
    ]  # fmt: skip


def test_real_missing_lists(shared):
    files = shared / "data" / "ntu"
    short = ntu_names.listed(files / "NTU_RGBD_samples_with_missing_skeletons.txt")
    long = ntu_names.listed(files / "NTU_RGBD120_samples_with_missing_skeletons.txt")
    assert (len(short), len(long)) == (302, 535) and short < long


def grid(classes, listed=()):
    """Names of all cameras, repeats and actions, of one in 12 or 24 pairs of setup and subject, and of listed actions.

    The later setups film the later actions, and subjects who did not come to the earlier ones.
    """
    last = ntu_names.LAST[classes]
    filmed = {(clip.setup, clip.subject, clip.action) for clip in map(ntu.parse_name, listed)}
    for setup, subject in itertools.product(range(1, last["setup"] + 1), range(1, last["subject"] + 1)):
        if (setup + subject) % (classes // 5) == 0 and (subject <= 40 or setup > 17):
            filmed |= {(setup, subject, action) for action in (range(1, 61) if setup <= 17 else range(61, 121))}
    for (setup, subject, action), camera, repeat in itertools.product(filmed, (1, 2, 3), (1, 2)):
        yield f"S{setup:03d}C{camera:03d}P{subject:03d}R{repeat:03d}A{action:03d}"


def counts(names):
    """Number of clips of every class."""
    return collections.Counter(int(name[-3:]) for name in names)


@pytest.mark.parametrize("with_list", [False, True])
@pytest.mark.parametrize(
    ("split", "classes"), [("cross_subject", 60), ("cross_view", 60), ("cross_subject", 120), ("cross_setup", 120)]
)
def test_what_is_held_out_is_as_far_from_training_as_the_test_is(split, classes, with_list, request):
    """Every class in both parts, nobody's performance in two, and about a tenth of every class."""
    listed = set()
    if with_list:
        number = {60: "", 120: "120"}[classes]
        files = request.getfixturevalue("shared") / "data" / "ntu"
        listed = ntu_names.listed(files / f"NTU_RGBD{number}_samples_with_missing_skeletons.txt")
    wanted, every = ntu_names.splitter(split, True, classes), set(grid(classes, listed))
    assert listed <= every
    train = [name for name in every - listed if wanted(ntu.parse_name(name))]
    learn, choose = ntu.hold_out(train, split)
    assert sorted(learn + choose) == sorted(train) and not set(learn) & set(choose)
    together, held = counts(train), counts(choose)
    assert set(counts(learn)) == set(held) == set(range(1, classes + 1))
    assert 0.08 < len(choose) / len(train) < 0.12
    assert all(0.04 < held[action] / together[action] < 0.2 for action in together)
    assert not {name[:4] + name[8:] for name in learn} & {name[:4] + name[8:] for name in choose}  # all but the camera
    if split == "cross_subject":
        assert not {name[8:12] for name in learn} & {name[8:12] for name in choose}
    assert {name[12:16] for name in choose} == {"R001", "R002"}
    assert ntu.hold_out(reversed(train), split) == (learn, choose)


def test_a_subject_without_whom_a_class_could_not_be_learnt_is_not_held_out():
    """Of three subjects one alone shows the second class: never for validation, whoever the others are."""
    for alone in (1, 2, 3):
        names = [f"S001C001P{subject:03d}R{repeat:03d}A001" for subject in (1, 2, 3) for repeat in (1, 2)]
        learn, choose = ntu.hold_out([*names, f"S001C001P{alone:03d}R001A002"], "cross_subject")
        assert set(counts(learn)) == {1, 2} and set(counts(choose)) == {1} and len(choose) == 2


def test_two_performances_of_a_class_by_hand():
    """Six clips of two performances: one is learnt from by all its cameras, one chooses. One performance is too few."""
    names = [f"S001C{camera:03d}P001R{repeat:03d}A007" for camera in (1, 2, 3) for repeat in (1, 2)]
    learn, choose = ntu.hold_out(names, "cross_setup")
    assert len(learn) == len(choose) == 3
    assert len({name[12:16] for name in learn}) == len({name[12:16] for name in choose}) == 1
    for split, few, what in (
        ("cross_setup", names[::2], "performances of a class"),
        ("cross_subject", names, "subjects"),
    ):
        with pytest.raises(ValueError, match=rf"at least two {what}. Received: {len(few)} clips"):
            ntu.hold_out(few, split)


def test_a_list_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "list.txt").write_text(f"{NAME}\r\n", encoding="utf-8-sig", newline="")
    assert ntu_names.listed(tmp_path / "list.txt") == {NAME}


def test_the_training_script_chooses_by_people_whom_it_does_not_train_on(tmp_path, monkeypatch):
    somewhere, state = np.ones((1, 25, 3)), np.full((1, 25), 2)
    body = ntu_files.Body(state[:, 0] > 0, somewhere, somewhere[..., :2], somewhere[..., :2], state)
    skeleton = ntu_files.Skeleton(1, {7: body})
    for subject, action in itertools.product((1, 2, 3, 4, 5), (1, 2)):
        ntu_files.write_skeleton(tmp_path / f"S001C001P{subject:03d}R001A{action:03d}.skeleton", skeleton)
    options = ("--skeletons", tmp_path, "--frames", tmp_path, "--out", tmp_path / "out")
    monkeypatch.setattr(sys, "argv", ["train", *map(str, options)])
    script, given = loaded("exp/ntu/train_ntu_ar_pe_merge.py"), {}
    monkeypatch.setattr(script, "train", lambda args, sources, judge, *_, **__: given.update(sources, judge=judge))
    monkeypatch.setattr(script.judges, "accuracy", lambda clips, where: clips.reader)
    script.main()
    train, choose = given["ntu"], given["judge"]
    assert (len(train), len(choose)) == (6, 2) and not set(train.names) & set(choose.names)
    assert len({name[8:12] for name in choose.names}) == 1 and "P003" not in str(train.names + choose.names)
