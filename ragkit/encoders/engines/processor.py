"""Which instruction sets a processor lacks that a package may have been compiled for.

The system ends a program that uses an instruction which its processor lacks (SIGILL), without a
message, so there has to be one before. Tried with qemu's Nehalem (SSE4.2; neither AVX nor AVX2):
NumPy, faiss, tantivy, tokenizers, onnx, ONNX Runtime and the parsers load, and a query is answered;
they choose their code at run time. PyTorch could not be tried: it takes too long there.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

AVX2 = frozenset({"avx2", "fma"})


@cache
def read_flags() -> frozenset[str] | None:
    """Return the instruction sets of the processor, by their names in /proc/cpuinfo; None where
    they cannot be read, or on another architecture than x86-64."""
    if platform.machine().lower() not in ("x86_64", "amd64") or not sys.platform.startswith(
        "linux"
    ):
        return None
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    line = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return frozenset(line.partition(":")[2].split()) or None


def missing(
    needed: frozenset[str] = AVX2,
    flags: Callable[[], frozenset[str] | None] = read_flags,
) -> str:
    """Return the names of the instruction sets in `needed` that the processor lacks: "AVX2, FMA".
    "" where it has all of them, or they are not known."""
    available = flags()
    if available is None:
        return ""
    return ", ".join(name.replace("_", ".").upper() for name in sorted(needed - available))
