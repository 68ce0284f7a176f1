"""Encoder engines compared: bulk encoding, one warm query, agreement with sentence-transformers.

Other libraries are in separate environments, which two variables name (left out if unset):

    RAGKIT_PEERS            a Python interpreter with chromadb, txtai and fastembed
    RAGKIT_PEERS_OPENVINO   a Python interpreter with sentence-transformers[openvino]

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
from ragkit.records.documents import Document
from ragkit.records.text import embedded_text

ROUNDS = 5
TEXTS, AGREEMENT_TEXTS = 160, 2_000
SHORTEST, LONGEST = 30, 250  # tokens of a text of mixed lengths
QUERY = "how do I copy a database that is in use?"
LAYERS, HIDDEN, INTERMEDIATE = 6, 384, 1536  # all-MiniLM-L6-v2
PEERS = ("chroma", "fastembed", "txtai")
OURS = ("ragkit", "ragkit_numpy", "ragkit_int8")
REFERENCES = ("sentence_transformers", "sentence_transformers_by_tokens")


class Work(NamedTuple):
    """The tokens of some texts and the floating-point operations of encoding them."""

    tokens: int  # special tokens included
    operations: float

    @classmethod
    def of(cls, texts: list[str]) -> Work:
        lengths = [min(count + 2, 256) for count in resolve_model.load().count_tokens(texts)]
        linear = LAYERS * 2 * (4 * HIDDEN * HIDDEN + 2 * HIDDEN * INTERMEDIATE)
        operations = sum(n * linear + LAYERS * 4 * n * n * HIDDEN for n in lengths)
        return cls(sum(lengths), operations)


class Engine:
    """A child process that encodes texts on request."""

    def __init__(self, name: str, python: str, folder: Path) -> None:
        script = Path(__file__).with_name("engine.py")
        path = {"PYTHONPATH": str(script.parents[2])} if name in OURS else {}
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

    def run_task(self, task: str) -> float:
        self.process.stdin.write(f"{task}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def peak_mb(self) -> float:
        """Return the peak of resident memory so far in MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1e3
        return float("nan")


def documents() -> Iterator[Document]:
    for path in sorted(DATA.rglob("*")):
        if path.is_file() and path.parent != DATA:
            yield read(path.read_bytes(), path.name)


def split_passages(count: int, size: int = 240) -> list[str]:
    """Return `count` passages of data/ as they are embedded, nearly all of the same length."""
    encoder = resolve_model.load()
    texts = [
        embedded_text(passage.header, passage.text)
        for document in documents()
        for passage in split_document(document, encoder, size=size, overlap=0.15)
    ]
    return _sample_evenly(texts, count)


def mixed_length_texts(count: int) -> list[str]:
    """Return `count` texts of data/; lengths from SHORTEST to LONGEST tokens are equally likely."""
    encoder, random, texts = resolve_model.load(), Random(7), []
    for document in documents():
        spans, start = encoder.token_spans(document.text), 0
        while (end := start + random.randint(SHORTEST, LONGEST) - 2) <= len(spans):
            texts.append(document.text[spans[start][0] : spans[end - 1][1]])
            start = end
    return _sample_evenly(texts, count)


def _sample_evenly(texts: list[str], count: int) -> list[str]:
    step = max(1.0, len(texts) / count)
    return [texts[int(i * step)] for i in range(min(count, len(texts)))]


def prepare(folder: Path) -> dict[str, Work]:
    """Write the files that the engines read; return the work by the name of the set of texts."""
    # Shorter passages than by default: 133 tokens on average, as in earlier comparisons.
    sets = {"mixed": mixed_length_texts(TEXTS), "cut": split_passages(TEXTS, 175)}
    agreement_texts = split_passages(AGREEMENT_TEXTS)
    # Halves and quarters of passages complete the number and add shorter lengths.
    shorter = [
        part
        for text in agreement_texts
        for part in (text[: len(text) // 2], text[: len(text) // 4])
    ]
    agreement_texts += [part for part in shorter if part.strip()][
        : AGREEMENT_TEXTS - len(agreement_texts)
    ]
    model = resolve_model.resolve(resolve_model.DEFAULT_MODEL).path
    for name, texts in {**sets, "check": agreement_texts}.items():
        (folder / f"{name}.json").write_text(json.dumps(texts))
    (folder / "query.txt").write_text(QUERY)
    (folder / "model.txt").write_text(str(model))
    export(model, folder / "model.onnx")
    return {name: Work.of(texts) for name, texts in sets.items()}


def export(model: Path, target: Path) -> None:
    """Export the model to ONNX as the other libraries would download it."""
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
    """Return the operations per second of a large matrix product on all cores."""
    a = np.ones((2048, 2048), dtype=np.float32)
    rates = []
    for _ in range(5):
        started = time.perf_counter()
        a @ a
        rates.append(2 * 2048**3 / (time.perf_counter() - started))
    return max(rates)


def measure_bulk(engines: dict[str, Engine], work: dict[str, Work]) -> None:
    seconds = {(name, task): [] for name in engines for task in (*work, "query")}
    rates = []
    for _ in range(ROUNDS):
        rates.append(peak_rate())
        for (name, task), task_seconds in seconds.items():
            task_seconds.append(engines[name].run_task(task))
    medians = {key: statistics.median(task_seconds) for key, task_seconds in seconds.items()}
    best = max(rates)
    print(f"\nA large matrix product runs at {best / 1e9:.0f} GFLOP/s here.\n")
    set_headings = [
        f"{name}: {set_work.tokens / TEXTS:.0f} tokens per text" for name, set_work in work.items()
    ]
    print(f"| engine | {' | × | share of peak | '.join(set_headings)} | × | share of peak "
          "| warm query ms | peak MB |")  # fmt: skip
    print(f"|---|{'---|' * (3 * len(work) + 2)}")
    for name, engine in engines.items():
        cells = []
        for task, set_work in work.items():
            base, own = medians["sentence_transformers", task], medians[name, task]
            cells += [f"{set_work.tokens / own:,.0f}", f"{base / own:.2f}"]
            cells.append(f"{set_work.operations / own / best:.0%}")
        cells += [f"{medians[name, 'query'] * 1e3:.1f}", f"{engine.peak_mb():.0f}"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def measure_agreement(engines: dict[str, Engine], folder: Path) -> None:
    for name in ("sentence_transformers", *OURS):
        engines[name].run_task("dump")
    reference = np.load(folder / "sentence_transformers.npy")
    reference_top_ten = _top_ten(reference, reference)
    print(f"\n{len(reference):,} texts against sentence-transformers:\n")
    print("| engine | lowest cosine | mean cosine | same top ten |\n|---|---|---|---|")
    for name in OURS:
        vectors = np.load(folder / f"{name}.npy")
        cosine = np.einsum("ij,ij->i", vectors, reference)
        same = np.mean(_top_ten(vectors, vectors) == reference_top_ten)
        print(f"| {name} | {cosine.min():.6f} | {cosine.mean():.6f} | {same:.1%} |", flush=True)


def measure_index() -> None:
    """Print the speed of `index` and of the engine alone on the same texts."""
    encoder = resolve_model.load()
    texts = split_passages(100_000)
    encoder.encode_passages(texts[:200])  # loads the engine
    started = time.perf_counter()
    encoder.encode_passages(texts)
    alone = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder, Collection(folder, encoder=encoder) as collection:
        report = collection.index(DATA)
    speed = report.tokens / report.seconds
    print(
        f"\n`index` of data/: {report.tokens:,} tokens in {report.seconds:.1f} s, {speed:,.0f} per"
    )
    print(f"second; the engine alone on the same texts: {report.tokens / alone:,.0f}.")


def _top_ten(queries: np.ndarray, passages: np.ndarray) -> np.ndarray:
    """Return (100, 10): the nearest passages of the first hundred texts, ties by number."""
    scores = np.round(queries[:100].astype(np.float64) @ passages.astype(np.float64).T, 5)
    return np.argsort(-scores, axis=1, kind="stable")[:, :10]


def main() -> None:
    peers, openvino = (os.environ.get(f"RAGKIT_PEERS{end}") for end in ("", "_OPENVINO"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        work = prepare(folder)
        engines = {name: Engine(name, sys.executable, folder) for name in (*REFERENCES, *OURS)}
        if openvino:
            name = "sentence_transformers_openvino"
            engines[name] = Engine(name, openvino, folder)
        if peers:
            engines |= {name: Engine(name, peers, folder) for name in PEERS}
        measure_bulk(engines, work)
        measure_agreement(engines, folder)
        for engine in engines.values():
            engine.process.stdin.close()
            engine.process.wait()
    measure_index()
