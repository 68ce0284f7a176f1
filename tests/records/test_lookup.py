"""The records are plain; what fills them is in tests/lookup."""

import dataclasses

import pytest

from ragkit.records.lookup import Listing


def test_records_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Listing((), None, 0).total = 1
