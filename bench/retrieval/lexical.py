"""The lexical index alone: build and query time, compared with SQLite's FTS5 and bm25s.

    python -m bench lexical          100,000 passages
    RAGKIT_BENCH_PASSAGES=1000000 python -m bench lexical
    RAGKIT_BENCH_TEXTS=FOLDER        texts to make passages of, instead of those of data/
    RAGKIT_BENCH_SYSTEMS=ragkit      some of SYSTEMS

A passage of 80 words (in the last row 200) consists of two windows into the Markdown,
reStructuredText and plain text of data/ and two rare words, so that the vocabulary grows as in real
collections. Queries are data/questions.jsonl, with their words combined by OR; all systems leave
out the same stop words and return ten ids. Each system is opened and queried in a new process,
which imports the libraries before the measurement.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.retrieval.questions import DATA, QUESTIONS
from bench.vectors.engine import resident_mb
from ragkit.analysis.query_syntax import parse_query
from ragkit.analysis.stopwords import STOP_WORDS
from ragkit.storage.lexical import index as lexical_index

PASSAGES = int(os.environ.get("RAGKIT_BENCH_PASSAGES", "100000"))
LONG_PASSAGES = min(PASSAGES, 50_000)
TEXTS = Path(os.environ.get("RAGKIT_BENCH_TEXTS") or DATA)
EXTENSIONS = (".md", ".rst", ".txt")
QUESTION_TEXTS = [question["question"] for question in QUESTIONS]
MAX_SECONDS = 20.0  # limit for the queries of one system
Search = Callable[[str], object]


def rows(count: int, words: int = 80) -> Iterator[lexical_index.Row]:
    """Yield `count` passages of `words` words, the same in every run."""
    text = [
        word
        for path in sorted(TEXTS.rglob("*"))
        if path.suffix in EXTENSIONS
        for word in path.read_text(errors="replace").split()
    ]
    rng = random.Random(1)
    half = words // 2 - 1
    for number in range(1, count + 1):
        starts = [rng.randrange(len(text) - half) for _ in range(2)]
        rare = [f"{rng.choice(text)}{_random_suffix(rng)}" for _ in range(2)]
        parts = [word for start in starts for word in text[start : start + half]]
        yield number, " ".join(parts + rare), None


def _random_suffix(rng: random.Random) -> str:
    """Return a suffix for a rare word: a Pareto-distributed number, written in letters."""
    number, letters = int(rng.paretovariate(0.7)), ""
    while number:
        number, at = divmod(number, 26)
        letters += chr(ord("a") + at)
    return letters


def content_words(question: str) -> list[str]:
    words = dict.fromkeys(re.findall(r"\w+", question.lower()))
    return [word for word in words if word not in STOP_WORDS["en"]]


class Ragkit:
    modules = ("ragkit.storage.lexical.index", "ragkit.storage.lexical.query_plan", "tantivy")

    def build(self, folder: Path, texts: list[lexical_index.Row]) -> None:
        lexical_index.write(folder / "words", None, texts, [])

    def open(self, folder: Path) -> Search:
        index = lexical_index.LexicalIndex.open(folder / "words", 1)

        def search(question: str) -> object:
            index.plan.cache_clear()
            return index.top_k(parse_query(question), 10)

        return search


class Fts5:
    modules = ("sqlite3",)

    def __init__(self, tokenizer: str) -> None:
        self._tokenizer = tokenizer

    def build(self, folder: Path, texts: list[lexical_index.Row]) -> None:
        connection = sqlite3.connect(folder / "fts.db")
        options = f"text, content='', tokenize='{self._tokenizer}'"
        connection.execute(f"CREATE VIRTUAL TABLE words USING fts5({options})")
        with connection:
            pairs = ((passage_id, text) for passage_id, text, _ in texts)
            connection.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", pairs)
        connection.close()

    def open(self, folder: Path) -> Search:
        connection = sqlite3.connect(folder / "fts.db")
        sql = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT 10"

        def search(question: str) -> object:
            any_of = " OR ".join(f'"{word}"' for word in content_words(question))
            return connection.execute(sql, (any_of,)).fetchall()

        return search


class Bm25s:
    modules = ("bm25s", "Stemmer")

    def _options(self) -> dict:
        import Stemmer

        stem = Stemmer.Stemmer("english")
        return {"stopwords": list(STOP_WORDS["en"]), "stemmer": stem, "show_progress": False}

    def build(self, folder: Path, texts: list[lexical_index.Row]) -> None:
        import bm25s

        index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
        tokens = bm25s.tokenize([text for _, text, _ in texts], **self._options())
        index.index(tokens, show_progress=False)
        index.save(folder / "bm25s")

    def open(self, folder: Path) -> Search:
        import bm25s

        index, options = bm25s.BM25.load(folder / "bm25s"), self._options()

        def search(question: str) -> object:
            return index.retrieve(bm25s.tokenize(question, **options), k=10, show_progress=False)

        return search


SYSTEMS = {
    "ragkit": Ragkit(),
    "FTS5, unicode61": Fts5("unicode61"),
    "FTS5, porter": Fts5("porter unicode61"),
    "bm25s, in memory": Bm25s(),
}


def measure_queries(search: Search) -> dict[str, float]:
    """Return ms per query: p50 and p99 of wall time, median CPU time."""
    wall: list[float] = []
    cpu: list[float] = []
    until = time.perf_counter() + MAX_SECONDS
    for question in [*QUESTION_TEXTS, *QUESTION_TEXTS, *QUESTION_TEXTS]:
        started, busy = time.perf_counter(), time.process_time()
        search(question)
        cpu.append(1000 * (time.process_time() - busy))
        wall.append(1000 * (time.perf_counter() - started))
        if time.perf_counter() > until:
            break
    p99 = statistics.quantiles(wall, n=100)[98]
    return {"p50": statistics.median(wall), "p99": p99, "cpu": statistics.median(cpu)}


def measure_opening(name: str, folder: Path) -> dict[str, float]:
    """Return the time and memory of opening the index and of the queries, in this process."""
    for module in SYSTEMS[name].modules:
        importlib.import_module(module)
    before, started = resident_mb(), time.perf_counter()
    search = SYSTEMS[name].open(folder)
    search(QUESTION_TEXTS[0])
    first = 1000 * (time.perf_counter() - started)
    return {"first": first, **measure_queries(search), "memory": resident_mb() - before}


def measure_system(name: str, texts: list[lexical_index.Row], label: str) -> None:
    """Build and measure one system; print one row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        started, busy = time.perf_counter(), time.process_time()
        SYSTEMS[name].build(Path(folder), texts)
        seconds, cpu = time.perf_counter() - started, time.process_time() - busy
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6
        command = [sys.executable, "-m", "bench.retrieval.lexical", name, folder]
        process = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(process.stdout.splitlines()[-1])
    print(
        f"| {label} | {len(texts) / seconds:,.0f} | {len(texts) / cpu:,.0f} | {size:,.0f} "
        f"| {figures['p50']:.2f} | {figures['p99']:.1f} | {figures['cpu']:.2f} "
        f"| {figures['first']:.1f} | {figures['memory']:.0f} |",
        flush=True,
    )


def main() -> None:
    selected = os.environ.get("RAGKIT_BENCH_SYSTEMS")
    names = selected.split(";") if selected else list(SYSTEMS)
    if importlib.util.find_spec("bm25s") is None or PASSAGES > 100_000:
        names = [name for name in names if not name.startswith("bm25s")]
    print(f"\n{PASSAGES:,} passages of 80 words; in the last row {LONG_PASSAGES:,} of 200\n")
    print("| system | passages/s | passages per CPU second | MB | p50 ms | p99 ms | CPU ms "
          f"| open + first query ms | resident MB |\n|{'---|' * 9}")  # fmt: skip
    texts = list(rows(PASSAGES))
    for name in names:
        measure_system(name, texts, name)
    del texts
    measure_system("ragkit", list(rows(LONG_PASSAGES, words=200)), "ragkit, longer ones")


if __name__ == "__main__":
    print(json.dumps(measure_opening(sys.argv[1], Path(sys.argv[2]))))
