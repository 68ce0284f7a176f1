"""Names of versions, as people write them."""

from __future__ import annotations

import pytest

from ragkit.exploring.versions import is_newer, version_name


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("leave-2023.pdf", "leave-2024.pdf"),
        ("leave 2023-12-31.pdf", "leave 2024-01-01.pdf"),
        ("Leave_20231231.pdf", "leave_20240101.docx"),
        ("leave 31.12.2023.pdf", "leave 01.02.2024.pdf"),
        ("leave v9.pdf", "leave v10.pdf"),
        ("leave (1).pdf", "leave (2).pdf"),
        ("policy-2.1.md", "policy-2.10.md"),
        ("archive/2022/leave.pdf", "2024/leave.pdf"),
        ("2023-05 report.txt", "2023-06 report.txt"),
    ],
)
def test_the_later_date_or_larger_number_is_newer(older: str, newer: str) -> None:
    assert is_newer(version_name(older), version_name(newer)) is True
    assert is_newer(version_name(newer), version_name(older), (5, 1)) is False


@pytest.mark.parametrize(
    ("first", "second"),
    [("leave.pdf", "keys.pdf"), ("1.pdf", "2.pdf"), ("2023.pdf", "2024.pdf"), ("a1.md", "a2.md")],
)
def test_other_names_are_no_versions(first: str, second: str) -> None:
    assert is_newer(version_name(first), version_name(second), (1, 2)) is None


def test_the_time_of_modification_decides_where_the_names_do_not() -> None:
    draft, final = version_name("leave draft.md"), version_name("leave final.md")
    assert is_newer(draft, final, (1, 2)) is True
    assert is_newer(draft, final, (2, 1)) is False
    assert is_newer(draft, final, (2, 2)) is None
