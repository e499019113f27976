"""Measures of several people in a picture: by hand, by what must not change them, and by slow programs beside them."""

import itertools
import math

import numpy as np
import pytest

from deephar import layouts
from deephar.metrics_overlap import SIGMAS, area_of, box_overlap, oks, pairs, sigmas_of
from deephar.metrics_people import THRESHOLDS, average_precision, detection


def test_every_layout_has_its_constants():
    """COCO's seventeen, in its order, as published; the same for both sides."""
    published = [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]
    np.testing.assert_allclose(sigmas_of("coco17"), np.array(published) / 1000)
    for name, layout in layouts.LAYOUTS.items():
        sigmas = sigmas_of(name)
        assert sigmas.shape == (len(layout),) and np.all(sigmas > 0.02)
        np.testing.assert_array_equal(sigmas, sigmas[layout.flip])
    assert sigmas_of(layouts.PoseLayout("own", ["Left_Knee", "knee_right"])).tolist() == [SIGMAS["knee"]] * 2
    with pytest.raises(ValueError, match=r"shoulder.*Received: antler of layout deer"):
        sigmas_of(layouts.PoseLayout("deer", ["nose", "antler"]))


def test_similarity_by_hand():
    """A hip of sigma 0.1 on a person of area 100: 2 pixels off are exp(-4 / (2 * 100 * 0.04)) = exp(-1 / 2)."""
    truth = np.array([[[0, 0], [5, 5]], [[0, 0], [np.nan, 5]], [[np.nan] * 2] * 2])
    found = np.array([[[2, 0], [5, 5]], [[0, 0], [np.nan, np.nan]]])
    similar = oks(truth, found, [100, 100, np.nan], [0.1, 0.1])
    half = math.exp(-0.5)
    np.testing.assert_allclose(similar, [[(half + 1) / 2, 0.5], [half, 1], [np.nan, np.nan]])
    assert oks([], found, [], [0.1, 0.1]).shape == (0, 2) and oks(truth, [], [1, 1, 1], [0.1, 0.1]).shape == (3, 0)


def test_similarity_is_one_in_place_and_does_not_depend_on_the_scale():
    generator = np.random.default_rng(0)
    truth, found = generator.uniform(0, 100, (2, 3, 17, 2))
    area, sigmas = generator.uniform(500, 3000, 3), sigmas_of("coco17")
    np.testing.assert_allclose(np.diag(oks(truth, truth, area, sigmas)), 1)
    similar = oks(truth, found, area, sigmas)
    np.testing.assert_allclose(oks(7 * truth + 3, 7 * found + 3, 49 * area, sigmas), similar)
    assert np.all(oks(truth, found, 2 * area, sigmas) > similar)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((1, 3, 2)), np.zeros((1, 2, 2)), [1], [0.1, 0.1]), r"`truth_px` must be \(people, 2, 2\)"),
        ((np.zeros((1, 2, 2)), np.zeros((2, 2)), [1], [0.1, 0.1]), r"`found_px`.*Received: \(2, 2\)"),
        ((np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), [0], [0.1, 0.1]), r"`area` must be \(1,\) above 0"),
        ((np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), [np.nan], [0.1, 0.1]), r"`area`.*nan"),
        ((np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), [1, 2], [0.1, 0.1]), r"`area`.*\[1.0, 2.0\]"),
        ((np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), [1], [0.1, 0.0]), r"`sigmas` must be \(joints,\) above 0"),
    ],
)
def test_bad_poses_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        oks(*arguments)


def test_overlap_by_hand():
    overlap = box_overlap([[0, 0, 4, 2], [0, 0, 0, 0]], [[2, 0, 6, 2], [0, 0, 4, 2], [9, 9, 10, 10], [3, 3, 3, 3]])
    np.testing.assert_allclose(overlap, [[1 / 3, 1, 0, 0], [0, 0, 0, 0]])
    assert box_overlap([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert area_of([0, 0, 10, 20]) == pytest.approx(106)
    with pytest.raises(ValueError, match="x1 <= x2"):
        box_overlap([[0, 0, -1, 1]], [])


def best_pairs(similarity, least):
    """Number and sum of the best pairs, of all that there are."""
    rows, columns = similarity.shape
    best = (0, 0.0)
    padded = [*range(columns), *[None] * rows]
    for choice in set(itertools.permutations(padded, rows)):
        chosen = [similarity[i, j] for i, j in enumerate(choice) if j is not None and similarity[i, j] >= least]
        best = max(best, (len(chosen), sum(chosen)))
    return best


def test_pairs_are_the_best_of_all():
    generator = np.random.default_rng(0)
    for _ in range(60):
        shape = generator.integers(0, 4, 2)
        similarity = np.where(generator.uniform(size=shape) < 0.1, np.nan, generator.uniform(size=shape))
        rows, columns = pairs(similarity, 0.4)
        number, total = best_pairs(similarity, 0.4)
        assert len(rows) == number and len(set(columns.tolist())) == number
        assert similarity[rows, columns].sum() == pytest.approx(total) and np.all(similarity[rows, columns] >= 0.4)


def test_two_pairs_are_better_than_one_that_is_alike():
    rows, columns = pairs([[1.0, 0.5], [0.5, 0.0]], 0.5)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 1), (1, 0)]


SIGMA = np.array([0.05, 0.05])


def crowd(generator, truth=None):
    """A picture: some true people, most of them found with noise, and some found who are nobody."""
    people = int(generator.integers(0, 4)) if truth is None else truth
    poses = generator.uniform(0, 100, (people, 2, 2))
    poses[generator.uniform(size=(people, 2)) < 0.2] = np.nan
    near = np.nan_to_num(poses, nan=50.0) + generator.normal(0, 4, poses.shape)
    found = np.concatenate([near[generator.uniform(size=people) < 0.8], generator.uniform(0, 100, (1, 2, 2)), near[:1]])
    return poses, generator.uniform(300, 3000, people), found, generator.uniform(size=len(found))


def slow_precision(images, threshold):
    """COCO's rules written down one after the other, with loops; the similarity too."""
    decided, people = [], 0
    for truth, areas, found, scores in images:
        free = [n for n in range(len(truth)) if np.isfinite(truth[n]).all(axis=1).any()]
        people += len(free)
        for m in sorted(range(len(found)), key=lambda m: -scores[m])[:20]:
            best, winner = threshold, None
            for n in free:
                terms = [
                    math.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * areas[n] * (2 * s) ** 2))
                    for (x, y), (u, v), s in zip(truth[n], found[m], SIGMA, strict=True)
                    if math.isfinite(x + y)
                ]
                if sum(terms) / len(terms) >= best:
                    best, winner = sum(terms) / len(terms), n
            if winner is not None:
                free.remove(winner)
            decided.append((scores[m], winner is not None))
    decided.sort(key=lambda one: -one[0])
    points = []
    for number in range(1, len(decided) + 1):
        right = sum(ok for _, ok in decided[:number])
        points.append((right / people, right / number))
    total = 0.0
    for step in range(101):
        total += max((p for r, p in points if r >= step / 100 - 1e-12), default=0.0)
    return total / 101, max((r for r, _ in points), default=0.0)


def test_precision_is_that_of_a_slow_program():
    generator = np.random.default_rng(1)
    for _ in range(25):
        images = [crowd(generator) for _ in range(4)]
        scores = average_precision(images, SIGMA)
        if not scores["people"]:
            continue
        slow = [slow_precision(images, threshold) for threshold in THRESHOLDS]
        assert scores["AP"] == pytest.approx(np.mean([p for p, _ in slow]), abs=1e-9)
        assert scores["AR"] == pytest.approx(np.mean([r for _, r in slow]), abs=1e-9)
        assert (scores["AP50"], scores["AP75"]) == pytest.approx((slow[0][0], slow[5][0]), abs=1e-9)


def test_precision_by_hand():
    """Two people; the surest found is nobody, the next is the first person: precision 1 / 2 up to recall 1 / 2."""
    truth = np.array([[[10.0, 10], [20, 20]], [[60, 60], [70, 70]]])
    found = np.array([[[200.0, 0], [200, 9]], truth[0]])
    scores = average_precision([(truth, [100, 100], found, [0.9, 0.8])], SIGMA)
    assert scores["AP"] == pytest.approx(51 / 101 / 2) and scores["AR"] == 0.5
    assert average_precision([(truth, [100, 100], found, [0.8, 0.9])], SIGMA)["AP"] == pytest.approx(51 / 101)
    assert average_precision([(truth, [100, 100], truth, [1, 1])], SIGMA)["AP"] == 1.0
    assert average_precision([(truth, [100, 100], [], [])], SIGMA)["AP"] == 0.0


def test_the_surer_of_two_gets_the_person():
    """Both are the one person; the surer is right, the other, though nearer, is nobody."""
    truth = np.array([[[10.0, 10], [20, 20]]])
    found = np.concatenate([truth + 0.5, truth])
    scores = average_precision([(truth, [400], found, [0.9, 0.8])], SIGMA, [0.5])
    assert (scores["AP"], scores["AR"]) == (1.0, 1.0)  # the envelope does not see who comes after
    both = average_precision([(truth, [400], found, [0.9, 0.8]), (truth, [400], truth, [0.7])], SIGMA, [0.5])
    assert both["AP"] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert math.isnan(both["AP75"])


def test_twenty_people_of_a_picture_count():
    truth = np.arange(25.0)[:, None, None] * 100 + np.zeros((25, 2, 2))
    scores = average_precision([(truth, np.full(25, 50.0), truth, np.linspace(1, 0.5, 25))], SIGMA)
    assert scores["AR"] == pytest.approx(20 / 25) and scores["found"] == 20


def test_who_is_not_located_does_not_count():
    truth = np.array([[[10.0, 10], [20, 20]], [[np.nan] * 2] * 2])
    scores = average_precision([(truth, [100, np.nan], truth[:1], [1])], SIGMA)
    assert scores["AP"] == scores["AR"] == 1.0 and scores["people"] == 1
    nobody = average_precision([(truth[1:], [np.nan], truth[:1], [1])], SIGMA)
    assert math.isnan(nobody["AP"]) and math.isnan(nobody["AR"]) and nobody["people"] == 0
    assert math.isnan(average_precision([], SIGMA)["AP"])


def test_the_order_of_people_and_pictures_changes_nothing():
    generator = np.random.default_rng(2)
    images = [crowd(generator, 3) for _ in range(5)]
    expected = average_precision(images, SIGMA)
    mixed = []
    for number in generator.permutation(5):
        truth, areas, found, scores = images[number]
        rows, columns = generator.permutation(len(truth)), generator.permutation(len(found))
        mixed.append((truth[rows], areas[rows], found[columns], 3 * scores[columns] - 7))
    assert average_precision(mixed, SIGMA) == pytest.approx(expected)


def test_scores_must_be_there():
    pose = np.zeros((1, 2, 2))
    for scores in ([], [1, 2], [np.nan]):
        with pytest.raises(ValueError, match="finite score for each of 1 found people"):
            average_precision([(pose, [1], pose, scores)], SIGMA)


def test_detection_by_hand():
    """Three people in four pictures: one found twice, one missed, one found; somebody in one of two empty pictures."""
    a, b, c = [0, 0, 10, 20], [30, 0, 40, 20], [5, 5, 25, 45]
    truth, found = [[a, b], [c], [], []], [[a, [0, 0, 10, 19]], [c], [a], []]
    scores = detection(truth, found)
    assert (scores["people"], scores["found"], scores["matched"]) == (3, 4, 2)
    assert scores["precision"] == 0.5 and scores["recall"] == pytest.approx(2 / 3)
    assert scores["f1"] == pytest.approx(2 / (1 / 0.5 + 3 / 2)) and scores["false_people_share"] == 0.5
    perfect = detection(truth, truth)
    assert perfect["f1"] == perfect["precision"] == perfect["recall"] == 1 and perfect["false_people_share"] == 0


def test_detection_of_nobody():
    scores = detection([[], []], [[], []])
    assert math.isnan(scores["precision"]) and math.isnan(scores["recall"]) and math.isnan(scores["f1"])
    assert scores["false_people_share"] == 0 and math.isnan(detection([], [])["false_people_share"])
    with pytest.raises(ValueError, match="1 true and 2 found"):
        detection([[]], [[], []])


def test_a_threshold_of_overlap_belongs_to_what_is_found():
    truth, found = [[[0, 0, 4, 2]]], [[[2, 0, 6, 2]]]
    assert detection(truth, found, 1 / 3)["recall"] == 1 and detection(truth, found, 0.34)["recall"] == 0


def test_detection_does_not_depend_on_order():
    generator = np.random.default_rng(3)
    low = generator.uniform(0, 60, (2, 6, 5, 2))
    boxes = np.concatenate([low, low + generator.uniform(10, 50, low.shape)], axis=-1)
    shuffled = [[rows[generator.permutation(5)] for rows in side] for side in boxes]
    assert detection(*boxes) == detection(*shuffled)
    exchanged = detection(boxes[1], boxes[0])
    assert exchanged["precision"] == detection(*boxes)["recall"]
