"""Any number of vectors that are distributed like real ones, from texts installed on the machine.

Paragraphs (docstrings of the installed Python packages, manual pages, Markdown and
reStructuredText) are embedded with the default model. Each further vector is
`normalize((1-t) e_i + t e_j + s (e_a - e_b))`: j is one of the 24 nearest neighbors of i and t is
up to 0.5; a and b are neighbors, so that the residual varies like real neighbors, and s is 0.3 to
0.7. Queries are the first twelve words of held-out paragraphs.
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

REAL, QUERIES, NEIGHBORS = 8_000, 1_000, 24
_STEP = 20_000


def iter_paragraphs(folder: Path) -> Iterator[str]:
    """Yield paragraphs of 120 to 500 characters of prose, no two with the same beginning."""
    seen = set()
    for text in _read_texts(folder):
        for part in re.split(r"\n\s*\n", text):
            paragraph = " ".join(part.split())[:500]
            letters = sum(char.isalpha() or char == " " for char in paragraph)
            is_prose = letters > 0.85 * len(paragraph)
            if len(paragraph) >= 120 and is_prose and paragraph[:60].lower() not in seen:
                seen.add(paragraph[:60].lower())
                yield paragraph


def _read_texts(folder: Path) -> Iterator[str]:
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


def embed_paragraphs(cache: Path, folders: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of passages (n, d) and of queries (m, d), embedded once and stored in
    the folder `cache`."""
    cache_file = cache / "real.npz"
    if not cache_file.exists():
        from ragkit.encoders.spec import ModelSpec
        from ragkit.models.selection import load

        share = 2 * (REAL + QUERIES) // len(folders)  # maximum per folder
        texts = [text for folder in folders for text in islice(iter_paragraphs(folder), share)]
        random.Random(0).shuffle(texts)
        count = min(REAL, len(texts) - QUERIES)
        openings = [" ".join(text.split()[:12]) for text in texts[count : count + QUERIES]]
        encoder = load(ModelSpec("all-MiniLM-L6-v2"))[1]
        rows, queries = encoder.encode_passages(texts[:count]), encoder.encode_queries(openings)
        np.savez(cache_file, passages=rows, queries=queries)
    stored = np.load(cache_file)
    return stored["passages"], stored["queries"]


def default_text_folders() -> list[Path]:
    """Return the folders whose texts are used if the user names none."""
    folders = ("/usr/share/man/man1", "/usr/share/man/man8", "/usr/share/doc")
    paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), *folders]
    return [Path(path) for path in paths if Path(path).is_dir()]


def generate_vectors(passages: np.ndarray, count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Yield `count` unit vectors in blocks (n, d) float32. The embedded passages are spread evenly
    over them."""
    import faiss

    index = faiss.IndexFlatIP(passages.shape[1])
    index.add(passages)
    neighbors = index.search(passages, NEIGHBORS + 1)[1]
    rng = np.random.default_rng(seed)
    total = len(passages)
    order = rng.permutation(total)
    for first in range(0, count, _STEP):
        size = min(_STEP, count - first)
        i, a = rng.integers(0, total, size), rng.integers(0, total, size)
        j = neighbors[i, rng.integers(1, NEIGHBORS + 1, size)]
        b = neighbors[a, rng.integers(1, NEIGHBORS + 1, size)]
        t = rng.uniform(0, 0.5, (size, 1)).astype("f4")
        s = rng.uniform(0.3, 0.7, (size, 1)).astype("f4")
        rows = (1 - t) * passages[i] + t * passages[j] + s * (passages[a] - passages[b])
        share = order[total * first // count : total * (first + size) // count]
        rows[rng.permutation(size)[: len(share)]] = passages[share][:size]
        yield rows / np.linalg.norm(rows, axis=1, keepdims=True)
