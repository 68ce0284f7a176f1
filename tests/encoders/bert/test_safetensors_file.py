"""Safetensors files, mapped and checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from ragkit.encoders.bert import safetensors_file
from ragkit.errors import ModelError


def write(path: Path, dtype: str, data: bytes, shape: list[int], pad: int = 0) -> None:
    entry = {"x": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}}
    header = json.dumps(entry).encode() + b" " * pad
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)


def test_float32_is_mapped_as_stored(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    save_file({"x": values, "ids": np.arange(4)}, tmp_path / "m.safetensors")
    tensors = safetensors_file.map_tensors(tmp_path / "m.safetensors")
    assert list(tensors) == ["x"]  # integers are no weights
    np.testing.assert_array_equal(tensors["x"], values)
    assert not tensors["x"].flags.writeable


def test_half_precision_is_converted(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    write(path, "F16", np.array([0.5, -2], np.float16).tobytes(), [2])
    assert safetensors_file.map_tensors(path)["x"].tolist() == [0.5, -2]
    # bfloat16: 1.0 is 0x3F80, -2.0 is 0xC000
    write(path, "BF16", np.array([0x3F80, 0xC000], np.uint16).tobytes(), [2])
    tensor = safetensors_file.map_tensors(path)["x"]
    assert tensor.tolist() == [1.0, -2.0]
    assert tensor.dtype == np.float32


def test_data_at_an_odd_offset_is_aligned(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    for pad in range(4):
        write(path, "F32", np.array([1, 2], np.float32).tobytes(), [2], pad=pad)
        tensor = safetensors_file.map_tensors(path)["x"]
        assert tensor.flags.aligned
        assert tensor.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data[:-1], "its header says"),
        (lambda data: data + b"x", "its header says"),
        (lambda data: data[:20], "too few for its own header"),
        (lambda data: b"", "too few for its own header"),
        (lambda data: b"version https://git-lfs.github.com/spec/v1", "too few"),
        (lambda data: data[:8] + b"?" + data[9:], "not a safetensors file"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage, says: str) -> None:
    path = tmp_path / "m.safetensors"
    write(path, "F32", b"\0" * 8, [2])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=says) as error:
        safetensors_file.read_header(path)
    assert str(path) in str(error.value)
    assert "fetch the model again" in str(error.value)


def test_a_wrong_shape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    write(path, "F32", b"\0" * 8, [3])
    with pytest.raises(ModelError, match="x does not fit its shape"):
        safetensors_file.map_tensors(path)


@pytest.mark.parametrize(
    "entry",
    [
        {"shape": [2], "data_offsets": [0, 8]},
        {"dtype": "F32", "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": ["2"], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [-8, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [8]},
        {"dtype": 4, "shape": [2], "data_offsets": [0, 8]},
        [],
    ],
)
def test_a_malformed_entry_is_refused(tmp_path: Path, entry) -> None:
    path = tmp_path / "m.safetensors"
    header = json.dumps({"x": entry}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 8)
    with pytest.raises(ModelError, match="not a safetensors file"):
        safetensors_file.read_header(path)
