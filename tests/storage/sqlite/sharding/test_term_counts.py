from ragkit.storage.sqlite.sharding.term_counts import TermCounts, write


def test_counts_are_sums_over_the_parts(tmp_path):
    parts = [[("text", "fox", 2), ("text", "foxes", 1)], [("forms", "fox", 1), ("text", "fox", 2)]]
    write(tmp_path / "statistics.db", parts, [(4, 9), (4, 7)])
    counts = TermCounts(tmp_path / "statistics.db")
    assert [counts.count(field, "fox") for field in ("text", "forms", "none")] == [4, 1, 0]
    assert counts.with_prefix("text", "fo", 5) == [("fox", 4), ("foxes", 1)]
    assert counts.newer_versions() == {4: [7, 9]}
