"""Measures of people followed: by hand, by what must not change them, and by slow programs beside them."""

import itertools
import math

import numpy as np
import pytest

from deephar.metrics_tracks import clear_and_identity


def named(*frames):
    """Frames of text: "a1 b2" are true a found as 1 and so on, "a" is missed, "3" is nobody."""
    result = []
    for frame in frames:
        words = frame.split()
        truth = [letter for word in words for letter in word if letter.isalpha()]
        found = [letter for word in words for letter in word if letter.isdigit()]
        similarity = np.zeros((len(truth), len(found)))
        for word in words:
            if len(word) == 2:
                similarity[truth.index(word[0]), found.index(word[1])] = 0.8
        result.append((truth, found, similarity))
    return result


def test_perfect():
    scores = clear_and_identity(named("a1 b2", "a1", "", "b2 a1"))
    assert [scores[name] for name in ("idf1", "idp", "idr", "mota")] == [1, 1, 1, 1]
    assert scores["switches"] == scores["misses"] == scores["false_positives"] == 0
    assert scores["people"] == scores["found"] == 5


def test_a_new_name_half_way_halves_identity_and_is_one_switch():
    scores = clear_and_identity(named(*["a1"] * 5, *["a2"] * 5))
    assert scores["idf1"] == scores["idp"] == scores["idr"] == 0.5
    assert scores["switches"] == 1 and scores["mota"] == pytest.approx(1 - 1 / 10)


def test_two_who_exchange_their_names():
    scores = clear_and_identity(named(*["a1 b2"] * 6, *["a2 b1"] * 2))
    assert scores["idf1"] == pytest.approx(12 / 16) and scores["switches"] == 2
    assert scores["mota"] == pytest.approx(1 - 2 / 16)


def test_misses_and_false_people_by_hand():
    """Six true people, five found: three right, three missed, two nobody."""
    scores = clear_and_identity(named("a1 b", "a1 b 7", "a b2 7"))
    assert (scores["misses"], scores["false_positives"], scores["switches"]) == (3, 2, 0)
    assert scores["mota"] == pytest.approx(1 - 5 / 6)
    assert scores["idp"] == pytest.approx(3 / 5) and scores["idr"] == pytest.approx(3 / 6)
    assert scores["idf1"] == pytest.approx(6 / 11)


def test_who_comes_back_under_another_name_is_switched():
    assert clear_and_identity(named("a1", "a", "", "a1"))["switches"] == 0
    assert clear_and_identity(named("a1", "a", "", "a2"))["switches"] == 1
    assert clear_and_identity(named("a1", "b1", "a1"))["switches"] == 0  # to each their own, in turn
    assert clear_and_identity(named("a1", "a2", "a1"))["switches"] == 2


def test_a_pair_remains_one_while_it_is_alike_enough():
    """In the second frame the others are more alike, and both pairs are still above the threshold."""
    first, second = np.array([[0.9, 0.5], [0.5, 0.9]]), np.array([[0.6, 0.9], [0.9, 0.6]])
    kept = [("ab", "xy", first), ("ab", "xy", second)]
    assert clear_and_identity(kept)["switches"] == 0
    assert clear_and_identity(kept, least=0.7)["switches"] == 2


def test_the_threshold_belongs_to_what_is_found():
    frames = [("a", "x", [[0.5]])]
    assert clear_and_identity(frames)["mota"] == 1 and clear_and_identity(frames, least=0.51)["mota"] == -1
    assert clear_and_identity([("a", "x", [[np.nan]])])["misses"] == 1


def slow_clear(frames, least):
    """CLEAR-MOT with every matching of a frame tried."""
    partner, holder, misses, false, switches = {}, {}, 0, 0, 0
    for truth, found, similarity in frames:
        value = {(o, h): similarity[i][j] for i, o in enumerate(truth) for j, h in enumerate(found)}
        now = {o: partner[o] for o in truth if o in partner and holder[partner[o]] == o}
        now = {o: h for o, h in now.items() if h in found and value[o, h] >= least}
        open_truth = [o for o in truth if o not in now]
        open_found = [h for h in found if h not in now.values()]
        best, choice = (0, 0.0), {}
        for tried in itertools.permutations([*open_found, *[None] * len(open_truth)], len(open_truth)):
            made = {o: h for o, h in zip(open_truth, tried, strict=True) if h is not None and value[o, h] >= least}
            worth = (len(made), sum(value[pair] for pair in made.items()))
            if worth > best:
                best, choice = worth, made
        now |= choice
        for o, h in now.items():
            switches += o in partner and partner[o] != h
        for o, h in now.items():
            partner[o], holder[h] = h, o
        misses += len(truth) - len(now)
        false += len(found) - len(now)
    return misses, false, switches


def slow_identity(frames, least):
    """False negatives and positives of identity, for the mapping of all mappings of names that has fewest."""
    truths = sorted({o for truth, _, _ in frames for o in truth})
    founds = sorted({h for _, found, _ in frames for h in found})
    fewest = math.inf
    for tried in set(itertools.permutations([*founds, *[None] * len(truths)], len(truths))):
        mapping = dict(zip(truths, tried, strict=True))
        missed = wrong = 0
        for truth, found, similarity in frames:
            right = set()
            for i, o in enumerate(truth):
                h = mapping[o]
                if h in found and similarity[i][list(found).index(h)] >= least:
                    right.add(h)
                else:
                    missed += 1
            wrong += len([h for h in found if h not in right])
        fewest = min(fewest, missed + wrong)
    return fewest


def random_frames(generator, people=3, frames=6):
    result = []
    for _ in range(frames):
        truth = [n for n in range(people) if generator.uniform() < 0.8]
        found = [n for n in range(10, 10 + people) if generator.uniform() < 0.8]
        similarity = generator.uniform(0, 0.8, (len(truth), len(found)))
        for i, o in enumerate(truth):
            for j, h in enumerate(found):
                similarity[i, j] += 0.2 * (h - 10 == o)
        result.append((truth, found, similarity))
    return result


def test_all_counts_are_those_of_slow_programs():
    generator = np.random.default_rng(0)
    switches = 0
    for _ in range(40):
        frames = random_frames(generator)
        scores = clear_and_identity(frames)
        counts = scores["misses"], scores["false_positives"], scores["switches"]
        assert counts == slow_clear(frames, 0.5)
        assert scores["mota"] == pytest.approx(1 - sum(counts) / scores["people"])
        wrong, total = slow_identity(frames, 0.5), scores["people"] + scores["found"]
        assert scores["idf1"] == pytest.approx((total - wrong) / total)
        right = (total - wrong) / 2
        assert (scores["idp"], scores["idr"]) == pytest.approx((right / scores["found"], right / scores["people"]))
        switches += scores["switches"]
    assert switches > 40


def test_names_and_order_change_nothing():
    generator = np.random.default_rng(1)
    frames = random_frames(generator, 4, 12)
    mixed = []
    for truth, found, similarity in frames:
        rows, columns = generator.permutation(len(truth)), generator.permutation(len(found))
        names = [f"person {7 - truth[row]}" for row in rows], np.array(found)[columns] * 3
        mixed.append((*names, similarity[np.ix_(rows, columns)]))
    assert clear_and_identity(mixed) == clear_and_identity(frames)


def test_several_videos_are_pooled_by_names_that_tell_them_apart():
    one, two = named("a1", "a1"), named("a1 b2", "a2 b1")
    pooled = clear_and_identity(
        [([(v, n) for n in t], [(v, n) for n in f], s) for v, frames in enumerate((one, two)) for t, f, s in frames]
    )
    assert pooled["switches"] == 2 and pooled["idr"] == pytest.approx((2 + 2) / 6)


def test_nobody():
    scores = clear_and_identity([])
    assert all(math.isnan(scores[name]) for name in ("idf1", "idp", "idr", "mota"))
    alone = clear_and_identity(named("1", ""))
    assert alone["idp"] == 0 and math.isnan(alone["idr"]) and alone["false_positives"] == 1


def test_what_is_no_frame_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 1\).*in frame 1. Received: \(1, 1\)"):
        clear_and_identity([*named("a1"), ("ab", "x", [[1.0]])])
    with pytest.raises(ValueError, match=r"every name once in frame 0. Received: 'x' more than once"):
        clear_and_identity([("a", ["x", "x"], [[1.0, 1.0]])])
