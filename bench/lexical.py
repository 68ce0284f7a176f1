"""The word index alone: how fast it is made and asked, beside SQLite's FTS5 and bm25s.

    python -m bench lexical          100,000 passages
    RAGKIT_BENCH_PASSAGES=1000000 python -m bench lexical

Passages of 80 words (and, for the rate alone, 200) are windows into the Markdown, reStructuredText
and plain text of data/, two a passage, with two rare words each, so that the vocabulary grows as
real ones do. Queries are data/questions.jsonl, any of whose words may match; all leave out the same
stop words and return ten ids.
"""

from __future__ import annotations

import importlib.util
import os
import random
import re
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.questions import DATA, QUESTIONS
from ragkit.storage import lexical
from ragkit.storage.index_files import disk_size
from ragkit.words.stopwords import STOP_WORDS

PASSAGES = int(os.environ.get("RAGKIT_BENCH_PASSAGES", "100000"))
LONGER = min(PASSAGES, 50_000)
KINDS = (".md", ".rst", ".txt")
ASKED = [question["question"] for question in QUESTIONS]
BUDGET = 20.0  # seconds of asking one system


def rows(count: int, words: int = 80) -> Iterator[lexical.Row]:
    """So many passages of so many words, the same every time."""
    text = [
        word
        for path in sorted(DATA.rglob("*"))
        if path.suffix in KINDS
        for word in path.read_text(errors="replace").split()
    ]
    chance = random.Random(1)
    half = words // 2 - 1
    for number in range(1, count + 1):
        starts = [chance.randrange(len(text) - half) for _ in range(2)]
        rare = [f"{chance.choice(text)}{int(chance.paretovariate(0.7))}" for _ in range(2)]
        parts = [word for start in starts for word in text[start : start + half]]
        yield number, " ".join(parts + rare), None


def asking(ask: Callable[[str], object]) -> tuple[float, float, float]:
    """Of one question, ms: p50 and p99 of the clock, p50 of the processor."""
    wall: list[float] = []
    cpu: list[float] = []
    ask(ASKED[0])
    until = time.perf_counter() + BUDGET
    for question in [*ASKED, *ASKED, *ASKED]:
        started, busy = time.perf_counter(), time.process_time()
        ask(question)
        cpu.append(1000 * (time.process_time() - busy))
        wall.append(1000 * (time.perf_counter() - started))
        if time.perf_counter() > until:
            break
    return statistics.median(wall), statistics.quantiles(wall, n=100)[98], statistics.median(cpu)


def content(question: str) -> list[str]:
    words = dict.fromkeys(re.findall(r"\w+", question.lower()))
    return [word for word in words if word not in STOP_WORDS["en"]]


def ragkit(folder: Path, texts: list[lexical.Row]) -> tuple[float, float, Callable[[str], object]]:
    started = time.perf_counter()
    lexical.write(folder / "words", None, texts, [])
    seconds = time.perf_counter() - started
    index = lexical.WordIndex.read(folder / "words", 1)

    def ask(question: str) -> object:
        index.plan.cache_clear()
        return index.best(question, 10)

    return seconds, disk_size(folder / "words") / 1e6, ask


def fts5(folder: Path, texts: list[lexical.Row], tokenizer: str) -> tuple:
    connection = sqlite3.connect(folder / "fts.db")
    started = time.perf_counter()
    connection.execute(
        f"CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='{tokenizer}')"
    )
    with connection:
        pairs = ((passage_id, text) for passage_id, text, _ in texts)
        connection.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", pairs)
    seconds = time.perf_counter() - started
    sql = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT 10"

    def ask(question: str) -> object:
        any_of = " OR ".join(f'"{word}"' for word in content(question))
        return connection.execute(sql, (any_of,)).fetchall()

    return seconds, disk_size(folder / "fts.db") / 1e6, ask


def bm25s(folder: Path, texts: list[lexical.Row]) -> tuple:
    import bm25s
    import Stemmer

    stem = Stemmer.Stemmer("english")
    started = time.perf_counter()
    options = {"stopwords": list(STOP_WORDS["en"]), "stemmer": stem, "show_progress": False}
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index(bm25s.tokenize([text for _, text, _ in texts], **options), show_progress=False)
    seconds = time.perf_counter() - started
    index.save(folder / "bm25s")

    def ask(question: str) -> object:
        return index.retrieve(bm25s.tokenize(question, **options), k=10, show_progress=False)

    return seconds, disk_size(folder / "bm25s") / 1e6, ask


def measured(name: str, system: Callable[..., tuple], texts: list[lexical.Row]) -> None:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        busy = time.process_time()
        seconds, size, ask = system(Path(folder), texts)
        cpu = time.process_time() - busy
        middle, slow, busy_ms = asking(ask)
    print(
        f"| {name} | {len(texts) / seconds:,.0f} | {len(texts) / cpu:,.0f} | {size:,.0f} "
        f"| {middle:.2f} | {slow:.1f} | {busy_ms:.2f} |",
        flush=True,
    )


def main() -> None:
    systems: dict[str, Callable[..., tuple]] = {
        "ragkit": ragkit,
        "FTS5, unicode61": lambda folder, texts: fts5(folder, texts, "unicode61"),
        "FTS5, porter": lambda folder, texts: fts5(folder, texts, "porter unicode61"),
    }
    if importlib.util.find_spec("bm25s") and PASSAGES <= 100_000:
        systems["bm25s, in memory"] = bm25s
    print(f"\n{PASSAGES:,} passages of 80 words; in the last line {LONGER:,} of 200\n")
    print("| system | passages/s | a CPU second | MB | p50 ms | p99 ms | CPU ms |")
    print("|---|---|---|---|---|---|---|")
    texts = list(rows(PASSAGES))
    for name, system in systems.items():
        measured(name, system, texts)
    del texts
    measured("ragkit, longer ones", ragkit, list(rows(LONGER, words=200)))
