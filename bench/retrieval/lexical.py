"""The word index alone: how fast it is made and asked, beside SQLite's FTS5 and bm25s.

    python -m bench lexical          100,000 passages
    RAGKIT_BENCH_PASSAGES=1000000 python -m bench lexical
    RAGKIT_BENCH_TEXTS=FOLDER        texts to make passages of, instead of those of data/
    RAGKIT_BENCH_SYSTEMS=ragkit      some of SYSTEMS

Passages of 80 words (and, for the rate alone, 200) are windows into the Markdown, reStructuredText
and plain text of data/, two a passage, with two rare words each, so that the vocabulary grows as
real ones do. Queries are data/questions.jsonl, any of whose words may match; all leave out the same
stop words and return ten ids. Each system is opened and asked in a process of its own, whose
libraries are imported before the clock runs.
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
from bench.vectors.engine import memory
from ragkit.analysis.query_syntax import parse_query
from ragkit.analysis.stopwords import STOP_WORDS
from ragkit.storage.lexical import index as lexical_index

PASSAGES = int(os.environ.get("RAGKIT_BENCH_PASSAGES", "100000"))
LONGER = min(PASSAGES, 50_000)
TEXTS = Path(os.environ.get("RAGKIT_BENCH_TEXTS") or DATA)
KINDS = (".md", ".rst", ".txt")
ASKED = [question["question"] for question in QUESTIONS]
BUDGET = 20.0  # seconds of asking one system
Ask = Callable[[str], object]


def rows(count: int, words: int = 80) -> Iterator[lexical_index.Row]:
    """So many passages of so many words, the same every time."""
    text = [
        word
        for path in sorted(TEXTS.rglob("*"))
        if path.suffix in KINDS
        for word in path.read_text(errors="replace").split()
    ]
    chance = random.Random(1)
    half = words // 2 - 1
    for number in range(1, count + 1):
        starts = [chance.randrange(len(text) - half) for _ in range(2)]
        rare = [f"{chance.choice(text)}{_rare(chance)}" for _ in range(2)]
        parts = [word for start in starts for word in text[start : start + half]]
        yield number, " ".join(parts + rare), None


def _rare(chance: random.Random) -> str:
    """An ending: a number in letters, small ones far more often."""
    number, letters = int(chance.paretovariate(0.7)), ""
    while number:
        number, at = divmod(number, 26)
        letters += chr(ord("a") + at)
    return letters


def content(question: str) -> list[str]:
    words = dict.fromkeys(re.findall(r"\w+", question.lower()))
    return [word for word in words if word not in STOP_WORDS["en"]]


class Ragkit:
    modules = ("ragkit.storage.lexical.index", "ragkit.storage.lexical.index.query_plan", "tantivy")

    def build(self, folder: Path, texts: list[lexical_index.Row]) -> None:
        lexical_index.write(folder / "words", None, texts, [])

    def open(self, folder: Path) -> Ask:
        index = lexical_index.LexicalIndex.open(folder / "words", 1)

        def ask(question: str) -> object:
            index.plan.cache_clear()
            return index.top_k(parse_query(question), 10)

        return ask


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

    def open(self, folder: Path) -> Ask:
        connection = sqlite3.connect(folder / "fts.db")
        sql = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT 10"

        def ask(question: str) -> object:
            any_of = " OR ".join(f'"{word}"' for word in content(question))
            return connection.execute(sql, (any_of,)).fetchall()

        return ask


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

    def open(self, folder: Path) -> Ask:
        import bm25s

        index, options = bm25s.BM25.load(folder / "bm25s"), self._options()

        def ask(question: str) -> object:
            return index.retrieve(bm25s.tokenize(question, **options), k=10, show_progress=False)

        return ask


SYSTEMS = {
    "ragkit": Ragkit(),
    "FTS5, unicode61": Fts5("unicode61"),
    "FTS5, porter": Fts5("porter unicode61"),
    "bm25s, in memory": Bm25s(),
}


def asking(ask: Ask) -> dict[str, float]:
    """Of one question, ms: p50 and p99 of the clock, p50 of the processor."""
    wall: list[float] = []
    cpu: list[float] = []
    until = time.perf_counter() + BUDGET
    for question in [*ASKED, *ASKED, *ASKED]:
        started, busy = time.perf_counter(), time.process_time()
        ask(question)
        cpu.append(1000 * (time.process_time() - busy))
        wall.append(1000 * (time.perf_counter() - started))
        if time.perf_counter() > until:
            break
    slow = statistics.quantiles(wall, n=100)[98]
    return {"p50": statistics.median(wall), "p99": slow, "cpu": statistics.median(cpu)}


def opened(name: str, folder: Path) -> dict[str, float]:
    """What opening and asking take, in this process."""
    for module in SYSTEMS[name].modules:
        importlib.import_module(module)
    before, started = memory(), time.perf_counter()
    ask = SYSTEMS[name].open(folder)
    ask(ASKED[0])
    first = 1000 * (time.perf_counter() - started)
    return {"first": first, **asking(ask), "memory": memory() - before}


def measured(name: str, texts: list[lexical_index.Row], shown: str) -> None:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        started, busy = time.perf_counter(), time.process_time()
        SYSTEMS[name].build(Path(folder), texts)
        seconds, cpu = time.perf_counter() - started, time.process_time() - busy
        size = sum(each.stat().st_size for each in Path(folder).rglob("*") if each.is_file()) / 1e6
        command = [sys.executable, "-m", "bench.retrieval.lexical", name, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    print(
        f"| {shown} | {len(texts) / seconds:,.0f} | {len(texts) / cpu:,.0f} | {size:,.0f} "
        f"| {found['p50']:.2f} | {found['p99']:.1f} | {found['cpu']:.2f} | {found['first']:.1f} "
        f"| {found['memory']:.0f} |",
        flush=True,
    )


def main() -> None:
    chosen = os.environ.get("RAGKIT_BENCH_SYSTEMS")
    names = chosen.split(";") if chosen else list(SYSTEMS)
    if importlib.util.find_spec("bm25s") is None or PASSAGES > 100_000:
        names = [name for name in names if not name.startswith("bm25s")]
    print(f"\n{PASSAGES:,} passages of 80 words; in the last line {LONGER:,} of 200\n")
    print("| system | passages/s | a CPU second | MB | p50 ms | p99 ms | CPU ms | open + first ms "
          f"| resident MB |\n|{'---|' * 9}")  # fmt: skip
    texts = list(rows(PASSAGES))
    for name in names:
        measured(name, texts, name)
    del texts
    measured("ragkit", list(rows(LONGER, words=200)), "ragkit, longer ones")


if __name__ == "__main__":
    print(json.dumps(opened(sys.argv[1], Path(sys.argv[2]))))
