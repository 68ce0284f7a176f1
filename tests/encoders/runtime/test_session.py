"""What the runtime refuses is an error with its reason."""

from __future__ import annotations

import pytest

from ragkit.encoders.runtime.session import create_session
from ragkit.errors import ModelError


def test_a_graph_that_the_runtime_refuses() -> None:
    with pytest.raises(ModelError, match="ONNX Runtime cannot serve this model"):
        create_session(lambda: (b"no graph", {}), 1)
