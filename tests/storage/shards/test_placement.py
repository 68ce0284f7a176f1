import pytest

from ragkit.storage.shards.placement import (
    MAX_SHARDS,
    first_id,
    ids_by_shard,
    shard_of,
    shard_of_id,
)  # fmt: skip

FILES = [("/data", f"folder/file-{number}.md") for number in range(4000)]


def test_files_are_spread_evenly():
    counts = [0] * 8
    for identity in FILES:
        counts[shard_of(identity, 8)] += 1
    # 500 expected; five standard deviations of a binomial distribution are 105
    assert all(abs(count - 500) < 105 for count in counts)


def test_one_shard_more_moves_files_only_to_the_new_one():
    moved = [
        (before, after)
        for identity in FILES
        if (before := shard_of(identity, 4)) != (after := shard_of(identity, 5))
    ]
    assert {after for _, after in moved} == {4}
    assert abs(len(moved) - len(FILES) / 5) < 130  # five standard deviations


def test_the_placement_never_changes():
    """Collections on disk rely on it."""
    places = [shard_of(("/data", name), 7) for name in ("a", "b", "c", "caf\u00e9", "x\udcff")]
    assert places == PLACES


PLACES = [0, 0, 3, 0, 6]


def test_parts_of_an_identity_are_separate():
    pairs = [(("a", "bc"), ("ab", "c")), (("", "a"), ("a", ""))]
    assert any(shard_of(one, MAX_SHARDS) != shard_of(two, MAX_SHARDS) for one, two in pairs)


@pytest.mark.parametrize("shards", [0, -1, MAX_SHARDS + 1])
def test_a_number_of_shards_out_of_range_is_refused(shards):
    with pytest.raises(ValueError, match="expected 1 to 4,096"):
        shard_of(("a", "b"), shards)


def test_an_id_tells_its_shard():
    assert shard_of_id(first_id(3) + 1) == 3
    assert shard_of_id(first_id(4)) == 4
    assert shard_of_id(17) == 0
    assert first_id(MAX_SHARDS) <= 2**53  # exact in JavaScript
    assert ids_by_shard([first_id(1) + 2, 5, first_id(1) + 1]) == {
        1: [first_id(1) + 2, first_id(1) + 1], 0: [5],
    }  # fmt: skip
