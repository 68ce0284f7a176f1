"""The records of the opening screen."""

import dataclasses

import pytest

from ragkit.records.overview import FacetValue


def test_records_do_not_change():
    value = FacetValue("pdf", 3, 'type = "application/pdf"')
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.documents = 4
