"""Which sample comes when: counts, orders, shards, and what happens to samples that cannot be read."""

import itertools

import pytest

from deephar.data.batches import queues


def queue(*readers, **options):
    """Queues of readers given as (length, samples in a batch)."""
    return queues.Queues([(range(length), count) for length, count in readers], **options)


def taken(one, positions, number=0, epoch=0):
    """The places in its reader of samples at some positions of a queue."""
    return [one.take(number, epoch, position, lambda place, _: place, []) for position in positions]


def test_whole_numbers_nearest_to_the_ratios():
    """Remainders go to the largest fractions, among equals to the first; every reader has one sample or more."""
    assert queues.counts_by_ratio(2, (1, 1)) == [1, 1]
    assert queues.counts_by_ratio(4, (1, 1, 1)) == [2, 1, 1]
    assert queues.counts_by_ratio(5, (1, 1, 1)) == [2, 2, 1]
    assert queues.counts_by_ratio(10, (0.26, 0.25, 0.49)) == [3, 2, 5]
    with pytest.raises(ValueError, match=r"enlarge the batch. Received: batch_size=2, ratios=\(1, 1, 1\)"):
        queues.counts_by_ratio(2, (1, 1, 1))


def test_ties_among_many_readers_go_to_the_first():
    assert queues.counts_by_ratio(55, [1] * 40) == [2] * 15 + [1] * 25


def test_an_epoch_uses_every_sample_of_every_reader():
    """By hand: 10 samples by 4 are 3 batches, 7 by 1 are 7; of two shards each gives half."""
    assert len(queue((10, 4))) == 3 and len(queue((10, 4), (7, 1))) == 7 and len(queue((8, 4))) == 2
    assert len(queue((10, 4), (7, 1), shard=(1, 2))) == 4 and len(queue((10, 5), shard=(0, 2))) == 1
    assert len(queue((10, 4), steps=1)) == 1 and len(queue((1, 1))) == 1


def test_a_turn_of_a_queue_holds_every_sample_once_in_another_order():
    one = queue((50, 5), (50, 5))
    turns = [taken(one, range(start, start + 50)) for start in (0, 50)]
    assert all(sorted(turn) == list(range(50)) for turn in turns)
    others = [taken(one, range(50), number=1), taken(one, range(50), epoch=1), taken(queue((50, 5), seed=1), range(50))]
    assert all(a != b for a, b in itertools.combinations([*turns, *others], 2))
    assert taken(queue((50, 5)), range(50)) == turns[0] == taken(queue((50, 5), seed=0, shard=(0, 1)), range(50))
    assert taken(queue((50, 5)), [70, 3]) == [turns[1][20], turns[0][3]]


def test_shards_take_turns():
    whole = taken(queue((7, 1)), range(21))
    parts = [taken(queue((7, 1), shard=(number, 3)), range(7)) for number in range(3)]
    assert [place for row in zip(*parts, strict=True) for place in row] == whole


def test_the_draws_of_a_sample_depend_on_its_place_alone():
    def drawn(one, position, number=0, epoch=0):
        return one.take(number, epoch, position, lambda _, generator: generator.integers(1 << 60), [])

    one = queue((4, 1), (4, 1))
    first = drawn(one, 2)
    assert first == drawn(queue((4, 1)), 2)
    others = [drawn(one, 3), drawn(one, 2, number=1), drawn(one, 2, epoch=1), drawn(queue((4, 1), seed=1), 2)]
    assert len({first, *others}) == 5
    assert drawn(queue((4, 1), shard=(0, 2)), 1) == first


@pytest.mark.parametrize("on_broken", ["skip", "count"])
def test_a_sample_that_cannot_be_read_is_replaced_by_the_next(on_broken):
    one, broken = queue((5, 1), on_broken=on_broken), []
    order = taken(one, range(5))

    def make(place, generator):
        if place in (order[1], order[4]):
            raise ValueError(f"sample {place}")
        return place

    found = [one.take(0, 0, position, make, broken) for position in range(5)]
    assert found == [order[0], order[2], order[2], order[3], order[0]]
    assert broken == [f"sample {order[1]}", f"sample {order[4]}"]


def test_where_none_can_be_read_the_first_fault_is_told():
    tried, broken = [], ["of another reader"]

    def make(place, generator):
        tried.append(place)
        raise ValueError(f"fault {len(tried)}")

    with pytest.raises(ValueError, match="None of a reader's 3 samples can be read; the first error: fault 1"):
        queue((3, 1), on_broken="skip").take(0, 0, 1, make, broken)
    assert sorted(tried) == [0, 1, 2] and len(broken) == 4
    with pytest.raises(ValueError, match="fault 4"):
        queue((3, 1)).take(0, 0, 0, make, broken)
    assert len(tried) == 4 == len(broken)


@pytest.mark.parametrize(
    ("readers", "options", "said"),
    [
        ([(0, 1)], {}, "needs samples and a count. Received: 0 samples, 1"),
        ([(3, 1), (3, 0)], {}, "needs samples and a count. Received: 3 samples, 0"),
        ([(3, 1)], {"on_broken": "ignore"}, "one of raise, skip, count. Received: 'ignore'"),
        ([(3, 1)], {"shard": (2, 2)}, r"0 <= number < shards. Received: \(2, 2\)"),
        ([(3, 1)], {"shard": (-1, 2)}, r"0 <= number < shards. Received: \(-1, 2\)"),
        ([(3, 1)], {"steps": 0}, "at least one batch. Received: steps=0"),
    ],
)
def test_wrong_queues_are_refused(readers, options, said):
    with pytest.raises(ValueError, match=said):
        queue(*readers, **options)


def test_a_batch_continues_where_the_last_one_ended():
    """Rows of every source in the order of its queue, none twice, whatever their order in the batch."""
    one = queue((9, 3), (9, 1))
    assert one.batch_size == 4
    rows = [row for index in range(3) for row in one.rows(index)]
    assert [position for number, position in rows if number == 0] == list(range(9))
    assert [position for number, position in rows if number == 1] == list(range(3))
