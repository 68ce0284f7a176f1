from ragkit.cli.output import coverage as coverage_output
from ragkit.records.reports import Coverage, Missing


def test_coverage_counts_files_by_reason():
    coverage = Coverage(830, 812, {"no_text_layer": 11, "encrypted": 4, "too_large": 3}, {})
    assert coverage_output.format_coverage(coverage) == (
        "812 of 830 files, 18 not: 11 scans without a text layer, 4 encrypted, "
        "3 over the size limit"
    )


def test_nothing_is_said_where_everything_was_read():
    assert coverage_output.format_coverage_lines(Coverage(3, 3, {}, {})) == []


def test_one_file_is_counted_in_the_singular():
    one_image = Coverage(1, 0, {"image": 1}, {})
    assert coverage_output.format_coverage(one_image) == "0 of 1 file, 1 not: 1 image"


def test_what_strict_does_not_allow_is_listed_up_to_twenty():
    entries = [Missing(f"{n}.pdf", "encrypted", "needs a password") for n in range(22)]
    lines = coverage_output.format_missing(entries).splitlines()
    assert lines[0] == "22 not read, so --strict fails:"
    assert lines[1] == "  0.pdf: needs a password"
    assert lines[-1] == "  and 2 more: ragkit ls --failed"
    assert len(lines) == 22
