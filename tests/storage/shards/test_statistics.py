import pytest

from ragkit.errors import CollectionError
from ragkit.storage.shards.statistics import StatisticsFile
from ragkit.storage.sqlite.sharding import term_counts

PARTS = (
    [("language", "en", 3), ("text", "fox", 2), ("text", "foxes", 1)],
    [("forms", "fox", 1), ("language", "de", 1), ("language", "en", 1), ("text", "fox", 2)],
)


@pytest.fixture
def file(tmp_path):
    term_counts.write(tmp_path / "statistics.db", PARTS)
    return StatisticsFile(tmp_path / "statistics.db", 5, lambda phrase: phrase == (("fox",),))


def test_frequencies_are_sums_over_the_shards(file):
    assert (file.total, file.counted) == (5, 5)
    assert file.languages() == [("en", 4), ("de", 1)]
    assert file.frequency("text", "fox") == 4
    assert file.frequency("forms", "fox") == 1
    assert file.frequency("text", "dog") == 0
    assert file.terms_with_prefix("text", "fo", 5) == [("fox", 4), ("foxes", 1)]
    assert file.terms_with_prefix("text", "fo", 1) == [("fox", 4)]
    assert file.has_passage("language", "de")
    assert file.occurs((("fox",),))


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "statistics.db").write_bytes(b"x" * 4096)
    with pytest.raises(CollectionError, match=r"statistics.db is damaged"):
        StatisticsFile(tmp_path / "statistics.db", 5, bool)
