"""Vectors with the structure of real ones, as many as wanted, from texts that this machine has.

Paragraphs (docstrings of the installed Python packages, manual pages, Markdown and
reStructuredText) are embedded with the default model. To reach more, each further vector is
`normalize((1-t) e_i + t e_j + s (e_a - e_b))`: j one of the 24 nearest of i, t up to 0.5; a and b
near each other, so that the residual varies as real neighbours do, s from 0.3 to 0.7. Queries are
the first twelve words of paragraphs that were held out.
"""

from __future__ import annotations

import ast
import gzip
import random
import re
import sysconfig
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

REAL, QUERIES, NEIGHBOURS = 8_000, 1_000, 24
_STEP = 20_000


def paragraphs(folder: Path) -> Iterator[str]:
    """Texts of 120 to 500 characters that are mostly words, no two with the same beginning."""
    seen = set()
    for text in _texts(folder):
        for part in re.split(r"\n\s*\n", text):
            shown = " ".join(part.split())[:500]
            wordy = sum(each.isalpha() or each == " " for each in shown) > 0.85 * len(shown)
            if len(shown) >= 120 and wordy and shown[:60].lower() not in seen:
                seen.add(shown[:60].lower())
                yield shown


def _texts(folder: Path) -> Iterator[str]:
    paths = sorted(folder.rglob("*"))
    random.Random(0).shuffle(paths)
    for path in paths:
        try:
            if path.suffix == ".gz" and "man" in path.parent.name:
                text = gzip.decompress(path.read_bytes()).decode(errors="ignore")
                text = re.sub(r"\\f[BIRPC]|\\f\(..|\\&|\\c|\\\|", "", text).replace(r"\-", "-")
                yield re.sub(r"^[.'].*$", "\n", text, flags=re.MULTILINE)
            elif path.suffix in (".md", ".rst", ".txt"):
                yield path.read_text(errors="ignore")
            elif path.suffix == ".py":
                tree = ast.parse(path.read_text(errors="ignore"))
                nodes = (ast.Module, ast.ClassDef, ast.FunctionDef)
                for node in ast.walk(tree):
                    if isinstance(node, nodes) and (text := ast.get_docstring(node)):
                        yield text
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue


def real(cache: Path, folders: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """(passages, queries): embedded once and kept in `cache`."""
    kept = cache / "real.npz"
    if not kept.exists():
        from ragkit.encoders.spec import ModelSpec
        from ragkit.models.selection import load

        share = 2 * (REAL + QUERIES) // len(folders)  # of each folder at most
        texts = [each for folder in folders for each in islice(paragraphs(folder), share)]
        random.Random(0).shuffle(texts)
        count = min(REAL, len(texts) - QUERIES)
        asked = [" ".join(each.split()[:12]) for each in texts[count : count + QUERIES]]
        encoder = load(ModelSpec("all-MiniLM-L6-v2"))[1]
        rows, queries = encoder.encode_passages(texts[:count]), encoder.encode_queries(asked)
        np.savez(kept, passages=rows, queries=queries)
    held = np.load(kept)
    return held["passages"], held["queries"]


def folders() -> list[Path]:
    """Where texts are looked for where no folder is named."""
    places = ("/usr/share/man/man1", "/usr/share/man/man8", "/usr/share/doc")
    named = [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), *places]
    return [Path(each) for each in named if Path(each).is_dir()]


def expanded(passages: np.ndarray, count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """`count` vectors, in blocks; any prefix has real ones in it, evenly."""
    import faiss

    index = faiss.IndexFlatIP(passages.shape[1])
    index.add(passages)
    near = index.search(passages, NEIGHBOURS + 1)[1]
    random_ = np.random.default_rng(seed)
    total = len(passages)
    order = random_.permutation(total)
    for first in range(0, count, _STEP):
        size = min(_STEP, count - first)
        i, a = random_.integers(0, total, size), random_.integers(0, total, size)
        j = near[i, random_.integers(1, NEIGHBOURS + 1, size)]
        b = near[a, random_.integers(1, NEIGHBOURS + 1, size)]
        t = random_.uniform(0, 0.5, (size, 1)).astype("f4")
        s = random_.uniform(0.3, 0.7, (size, 1)).astype("f4")
        rows = (1 - t) * passages[i] + t * passages[j] + s * (passages[a] - passages[b])
        share = order[total * first // count : total * (first + size) // count]
        rows[random_.permutation(size)[: len(share)]] = passages[share][:size]
        yield rows / np.linalg.norm(rows, axis=1, keepdims=True)
