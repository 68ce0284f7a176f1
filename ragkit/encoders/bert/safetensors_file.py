"""Read the tensors of a safetensors file by mapping it into memory.

Contract: `read_header` checks that a file is complete, so that a truncated download is an error
when the model is found, not later while indexing; `map_tensors` maps its arrays. Knows the format
(https://huggingface.co/docs/safetensors: eight bytes of header length, a JSON header, raw
little-endian arrays) and nothing about what the tensors mean.

The `safetensors` package copies every tensor: bench/RESULTS.md compares both.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ragkit.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Tensors: TypeAlias = "dict[str, NDArray[np.float32]]"

_LENGTH_BYTES = 8
_DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "F64": "<f8"}
_FIX = "the download was cut off or the file is damaged: fetch the model again"


def read_header(path: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """Return the header entries by tensor name, and the byte offset at which the data begin.

    Raises ModelError if the file is not as long as its header says, or not a safetensors file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        start = _LENGTH_BYTES + length
        if size < _LENGTH_BYTES or start > size:
            raise ModelError(f"{path} has {size:,} bytes, too few for its own header; {_FIX}.")
        try:
            entries = json.loads(file.read(length))
            entries.pop("__metadata__", None)
            end = start + max((_last_byte(entry) for entry in entries.values()), default=0)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise ModelError(f"{path} is not a safetensors file ({error}); {_FIX}.") from error
    if size != end:
        raise ModelError(f"{path} has {size:,} bytes, its header says {end:,}; {_FIX}.")
    return entries, start


def _last_byte(entry: dict[str, Any]) -> int:
    """The offset at which an entry's data end. Raises an error that `read_header` catches if the
    entry is malformed."""
    first, last = entry["data_offsets"]
    sizes = [*entry["shape"], first, last - first]
    if not isinstance(entry["dtype"], str) or min(sizes) < 0:
        raise ValueError(f"malformed entry {entry}")
    return int(last)


def map_tensors(path: Path) -> Tensors:
    """Return every floating-point tensor of the file as float32, by name.

    Tensors stored as float32 are mapped: processes share the page cache. Half precision is
    converted in memory. Raises ModelError as `read_header`, and for a tensor that does not fit its
    shape.
    """
    entries, start = read_header(path)
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=0).view(np.ndarray)
    tensors = {}
    for name, entry in entries.items():
        dtype = _DTYPES.get(entry["dtype"])
        if dtype is None:  # integer buffers, such as position ids, are not weights
            continue
        first, last = (start + offset for offset in entry["data_offsets"])
        try:
            values = data[first:last].view(dtype).reshape(entry["shape"])
        except ValueError as error:
            raise ModelError(f"{path}: {name} does not fit its shape ({error}); {_FIX}.") from error
        tensors[name] = _float32(values, is_bfloat16=entry["dtype"] == "BF16")
    return tensors


def _float32(values: NDArray[Any], *, is_bfloat16: bool) -> NDArray[np.float32]:
    if is_bfloat16:  # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    # Old writers did not pad the header; BLAS wants arrays at multiples of four bytes.
    return np.require(values, dtype=np.float32, requirements="A")
