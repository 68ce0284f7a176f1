"""Engines and peers side by side: bulk, one warm query, agreement with the reference, int8's cost.

Peers live in environments of their own, named by two variables (left out where unset):

    RAGKIT_PEERS            a Python with chromadb, txtai and fastembed
    RAGKIT_PEERS_OPENVINO   a Python with sentence-transformers[openvino]

Each engine is a process (bench/encoders/engine.py); rounds are interleaved, figures are medians.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from bench.retrieval.questions import DATA
from ragkit import Collection
from ragkit.documents.read import read
from ragkit.encoders import resolve as resolve_model
from ragkit.passages.split import split_document
from ragkit.records.documents import Document, embedded_text

ROUNDS = 5
TEXTS, CHECKED = 160, 2_000
SHORTEST, LONGEST = 30, 250  # tokens of a text of mixed lengths
QUERY = "how do I copy a database that is in use?"
LAYERS, HIDDEN, WIDE = 6, 384, 1536  # all-MiniLM-L6-v2
PEERS = ("chroma", "fastembed", "txtai")
OURS = ("ragkit", "ragkit_numpy", "ragkit_int8")
THEIRS = ("sentence_transformers", "sentence_transformers_by_tokens")


class Work(NamedTuple):
    """What encoding some texts takes."""

    tokens: int  # specials included
    operations: float

    @classmethod
    def of(cls, texts: list[str]) -> Work:
        lengths = [min(count + 2, 256) for count in resolve_model.load().count_tokens(texts)]
        linear = LAYERS * 2 * (4 * HIDDEN * HIDDEN + 2 * HIDDEN * WIDE)
        whole = sum(n * linear + LAYERS * 4 * n * n * HIDDEN for n in lengths)
        return cls(sum(lengths), whole)


class Engine:
    """A child process that encodes on demand."""

    def __init__(self, name: str, python: str, folder: Path) -> None:
        script = Path(__file__).with_name("engine.py")
        path = {"PYTHONPATH": str(script.parent.parent)} if name in OURS else {}
        self.process = subprocess.Popen(
            [python, str(script), name, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **path},
        )
        if self.process.stdout.readline().strip() != "ready":
            raise SystemExit(f"{name} does not start under {python}")

    def ask(self, what: str) -> float:
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def peak(self) -> float:
        """Megabytes resident, at most so far."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1e3
        return float("nan")


def documents() -> Iterator[Document]:
    for path in sorted(DATA.rglob("*")):
        if path.is_file() and path.parent != DATA:
            yield read(path.read_bytes(), path.name)


def cut(wanted: int, size: int = 240) -> list[str]:
    """So many passages of data/, as they are embedded, nearly all of about the same length."""
    encoder = resolve_model.load()
    texts = [
        embedded_text(each.header, each.text)
        for document in documents()
        for each in split_document(document, encoder, size=size, overlap=0.15)
    ]
    return _spread(texts, wanted)


def mixed(wanted: int) -> list[str]:
    """So many pieces of data/, each length from SHORTEST to LONGEST tokens as likely as another."""
    encoder, random, texts = resolve_model.load(), Random(7), []
    for document in documents():
        spans, start = encoder.token_spans(document.text), 0
        while (end := start + random.randint(SHORTEST, LONGEST) - 2) <= len(spans):
            texts.append(document.text[spans[start][0] : spans[end - 1][1]])
            start = end
    return _spread(texts, wanted)


def _spread(texts: list[str], wanted: int) -> list[str]:
    step = max(1.0, len(texts) / wanted)
    return [texts[int(i * step)] for i in range(min(wanted, len(texts)))]


def prepare(folder: Path) -> dict[str, Work]:
    """Writes what the engines read; returns what there is to do, by the names of the sets."""
    # Shorter than by default: 133 tokens on average is what peers were measured with before.
    sets, check = {"mixed": mixed(TEXTS), "cut": cut(TEXTS, 175)}, cut(CHECKED)
    # As many as were asked for, and of every length: halves and quarters of passages fill up.
    shorter = [part for text in check for part in (text[: len(text) // 2], text[: len(text) // 4])]
    check += [part for part in shorter if part.strip()][: CHECKED - len(check)]
    model = resolve_model.resolve(resolve_model.DEFAULT_MODEL).path
    for name, texts in {**sets, "check": check}.items():
        (folder / f"{name}.json").write_text(json.dumps(texts))
    (folder / "query.txt").write_text(QUERY)
    (folder / "model.txt").write_text(str(model))
    export(model, folder / "model.onnx")
    return {name: Work.of(texts) for name, texts in sets.items()}


def export(model: Path, target: Path) -> None:
    """The plain export that the peers would have downloaded."""
    import torch
    from transformers import AutoModel

    class LastState(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = AutoModel.from_pretrained(model, attn_implementation="eager").eval()

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.bert(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            ).last_hidden_state

    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "n", 1: "longest"} for name in (*names, "last_hidden_state")}
    ids = torch.ones((2, 8), dtype=torch.long)
    torch.onnx.export(
        LastState(), (ids, ids, ids * 0), str(target), input_names=names, dynamo=False,
        output_names=["last_hidden_state"], dynamic_axes=axes, opset_version=17,
    )  # fmt: skip


def peak_rate() -> float:
    """Operations a second of a large product of matrices on all cores: what could be had."""
    a = np.ones((2048, 2048), dtype=np.float32)
    rates = []
    for _ in range(5):
        started = time.perf_counter()
        a @ a
        rates.append(2 * 2048**3 / (time.perf_counter() - started))
    return max(rates)


def bulk(engines: dict[str, Engine], work: dict[str, Work]) -> None:
    seconds = {(name, each): [] for name in engines for each in (*work, "query")}
    rates = []
    for _ in range(ROUNDS):
        rates.append(peak_rate())
        for (name, each), taken in seconds.items():
            taken.append(engines[name].ask(each))
    took = {key: statistics.median(taken) for key, taken in seconds.items()}
    best = max(rates)
    print(f"\nA large product of matrices runs at {best / 1e9:.0f} GFLOP/s here.\n")
    heads = [f"{name}: {todo.tokens / TEXTS:.0f} tokens a text" for name, todo in work.items()]
    print(f"| engine | {' | × | of that rate | '.join(heads)} | × | of that rate "
          "| warm query ms | peak MB |")  # fmt: skip
    print(f"|---|{'---|' * (3 * len(work) + 2)}")
    for name, engine in engines.items():
        cells = []
        for each, todo in work.items():
            base, own = took["sentence_transformers", each], took[name, each]
            cells += [f"{todo.tokens / own:,.0f}", f"{base / own:.2f}"]
            cells.append(f"{todo.operations / own / best:.0%}")
        cells += [f"{took[name, 'query'] * 1e3:.1f}", f"{engine.peak():.0f}"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def agreement(engines: dict[str, Engine], folder: Path) -> None:
    for name in ("sentence_transformers", *OURS):
        engines[name].ask("dump")
    reference = np.load(folder / "sentence_transformers.npy")
    nearest = _top_ten(reference, reference)
    print(f"\n{len(reference):,} texts against sentence-transformers:\n")
    print("| engine | lowest cosine | mean cosine | same top ten |\n|---|---|---|---|")
    for name in OURS:
        vectors = np.load(folder / f"{name}.npy")
        cosine = np.einsum("ij,ij->i", vectors, reference)
        same = np.mean(_top_ten(vectors, vectors) == nearest)
        print(f"| {name} | {cosine.min():.6f} | {cosine.mean():.6f} | {same:.1%} |", flush=True)


def whole_index() -> None:
    """All of `index` against the engine alone on the same text, which is what it waits for."""
    encoder = resolve_model.load()
    texts = cut(100_000)
    encoder.encode_passages(texts[:200])  # the engine is there
    started = time.perf_counter()
    encoder.encode_passages(texts)
    alone = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder, Collection(folder, encoder=encoder) as kit:
        report = kit.index(DATA)
    speed = report.tokens / report.seconds
    print(f"\n`index` of data/: {report.tokens:,} tokens in {report.seconds:.1f} s, {speed:,.0f} a")
    print(f"second; the engine alone, on the same text: {report.tokens / alone:,.0f}.")


def _top_ten(queries: np.ndarray, passages: np.ndarray) -> np.ndarray:
    """(100, 10) the nearest passages of the first hundred texts; equal texts by number."""
    scores = np.round(queries[:100].astype(np.float64) @ passages.astype(np.float64).T, 5)
    return np.argsort(-scores, axis=1, kind="stable")[:, :10]


def main() -> None:
    peers, openvino = (os.environ.get(f"RAGKIT_PEERS{end}") for end in ("", "_OPENVINO"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        work = prepare(folder)
        engines = {name: Engine(name, sys.executable, folder) for name in (*THEIRS, *OURS)}
        if openvino:
            name = "sentence_transformers_openvino"
            engines[name] = Engine(name, openvino, folder)
        if peers:
            engines |= {name: Engine(name, peers, folder) for name in PEERS}
        bulk(engines, work)
        agreement(engines, folder)
        for engine in engines.values():
            engine.process.stdin.close()
            engine.process.wait()
    whole_index()
