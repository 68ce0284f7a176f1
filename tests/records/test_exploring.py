"""The records of exploring are frozen and compare by value."""

import dataclasses

import pytest

from ragkit.records.exploring import TextDifference


def test_records_are_values():
    first, second = (TextDifference((), (), (), (("same", "a"),)) for _ in range(2))
    assert first == second
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.changes = ("numbers",)
