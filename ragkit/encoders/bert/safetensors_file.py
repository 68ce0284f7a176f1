"""Tensors out of a safetensors file, mapped into memory rather than read.

Contract: `header` proves that a file is whole (so that a broken download is an error when the
model is found, not a crash in the middle of an index); `tensors` maps its arrays. Knows the file
format (https://huggingface.co/docs/safetensors: eight bytes of header length, a JSON header,
raw little-endian arrays) and nothing about what the tensors mean.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ModelError

Tensors = dict[str, NDArray[np.float32]]

_LENGTH_BYTES = 8
_STORED = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "F64": "<f8"}
_FIX = "the download was cut off or the file is damaged: fetch the model again"


def header(path: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """The entries by tensor name, and the offset where the data begin. Raises `ModelError`
    where the file is shorter or longer than its header says."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        start = _LENGTH_BYTES + length
        if size < _LENGTH_BYTES or start > size:
            raise ModelError(f"{path} holds {size:,} bytes, too few for its own header; {_FIX}.")
        try:
            entries = json.loads(file.read(length))
            entries.pop("__metadata__", None)
            end = start + max((_last_byte(entry) for entry in entries.values()), default=0)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise ModelError(f"{path} is no safetensors file ({error}); {_FIX}.") from error
    if size != end:
        raise ModelError(f"{path} holds {size:,} bytes, its header says {end:,}; {_FIX}.")
    return entries, start


def _last_byte(entry: dict[str, Any]) -> int:
    """Where an entry's data end. Raises what `header` catches for one that is none."""
    first, last = entry["data_offsets"]
    sizes = [*entry["shape"], first, last - first]
    if not isinstance(entry["dtype"], str) or min(sizes) < 0:
        raise ValueError(f"an entry says {entry}")
    return int(last)


def tensors(path: Path) -> Tensors:
    """Every floating-point tensor of the file as float32. Those stored as float32 stay in the
    page cache and are shared between processes; half precision is widened into memory."""
    entries, start = header(path)
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=0).view(np.ndarray)
    found = {}
    for name, entry in entries.items():
        kind = _STORED.get(entry["dtype"])
        if kind is None:  # integer buffers, such as position ids, are no weights
            continue
        first, last = (start + offset for offset in entry["data_offsets"])
        try:
            values = data[first:last].view(kind).reshape(entry["shape"])
        except ValueError as error:
            raise ModelError(f"{path}: {name} does not fit its shape ({error}); {_FIX}.") from error
        found[name] = _float32(values, is_bfloat16=entry["dtype"] == "BF16")
    return found


def _float32(values: NDArray[Any], *, is_bfloat16: bool) -> NDArray[np.float32]:
    if is_bfloat16:  # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    # Old writers did not pad the header; BLAS wants arrays at multiples of four bytes.
    return np.require(values, dtype=np.float32, requirements="A")
