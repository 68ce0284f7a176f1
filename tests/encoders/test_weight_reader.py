"""Tensors by name, with their shapes compared."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.encoders.weight_reader import WeightReader
from ragkit.errors import ModelError

WEIGHTS = {"model.a": np.zeros((2, 3), np.float32), "head": np.zeros(2, np.float32)}


def test_a_prefix_is_used_where_the_file_has_it() -> None:
    assert WeightReader({}, WEIGHTS, "model.").tensor("a", 2, 3).shape == (2, 3)
    assert WeightReader({}, WEIGHTS, "bert.").tensor("head", 2).shape == (2,)


def test_what_does_not_fit_is_named() -> None:
    reader = WeightReader({"wide": True, "size": 4}, WEIGHTS, "model.")
    with pytest.raises(ModelError, match="b is missing"):
        reader.tensor("b", 2)
    with pytest.raises(ModelError, match=r"has the shape \(2, 3\); config.json says \(3, 2\)"):
        reader.tensor("a", 3, 2)
    assert reader.size("size") == 4
    with pytest.raises(ModelError, match="wide is True"):
        reader.size("wide")
