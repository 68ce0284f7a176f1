"""SECURITY.md names tests that exist."""

import re

from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")


def test_every_defence_names_a_test_that_exists():
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE)
    rows = [line for line in PAGE.splitlines() if line.endswith("` |") and "::" in line]
    assert len(named) == len(rows) > 30
    missing = [
        f"{file}::{test}"
        for file, test in named
        if f"def {test}(" not in (REPOSITORY / "tests" / file).read_text(encoding="utf-8")
    ]
    assert missing == []
