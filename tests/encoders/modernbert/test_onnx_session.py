"""The blocks of local attention, worked by hand."""

from __future__ import annotations

import numpy as np

from ragkit.encoders.modernbert import onnx_session


def test_blocks_of_a_text() -> None:
    """Texts of 20 and 3 tokens, blocks of 16 queries, reach 2: two blocks and one."""
    blocks = onnx_session._blocks(np.array([20, 3], dtype=np.int32), 2)
    assert blocks["queries"].shape == (3, 16)
    assert blocks["keys"].shape == (3, 20)
    assert blocks["queries"][1].tolist() == [16, 17, 18, 19, *[19] * 12]  # filled up
    assert blocks["keys"][1, :8].tolist() == [14, 15, 16, 17, 18, 19, 19, 19]
    assert blocks["keys"][2, :6].tolist() == [20, 20, 20, 21, 22, 22]
    assert blocks["back"].tolist() == [*range(20), 32, 33, 34]
    seen = blocks["bias"][:, 0] == 0
    assert np.flatnonzero(seen[0, 0]).tolist() == [2, 3, 4]  # the first token and the next two
    assert np.flatnonzero(seen[1, 3]).tolist() == [3, 4, 5]  # the last one and the two before
    assert np.flatnonzero(seen[2, 0]).tolist() == [2, 3, 4]


def test_short_texts_need_no_blocks() -> None:
    inputs = onnx_session._inputs([[5, 6, 7], [8, 9]], reach=2, dimension=4)
    assert not inputs["local"]
    assert inputs["queries"].shape == (0, 16)
    assert inputs["positions"].tolist() == [[0, 1, 2, 0, 1]]
    assert onnx_session._inputs([[5, 6, 7, 8]], reach=2, dimension=4)["local"]
