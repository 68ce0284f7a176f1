"""Engines and peers side by side: bulk, one warm query, agreement with the reference, int8's cost.

Peers live in environments of their own, named by two variables (left out where unset):

    RAGKIT_PEERS            a Python with chromadb, txtai and fastembed
    RAGKIT_PEERS_OPENVINO   a Python with sentence-transformers[openvino]

Each engine is a process (bench/engine.py); rounds are interleaved, figures are medians.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.questions import DATA
from ragkit import Collection
from ragkit.documents import read
from ragkit.encoders import models
from ragkit.passages import embedded_text, split

ROUNDS = 5
TEXTS, CHECKED = 160, 2_000
QUERY = "how do I copy a database that is in use?"
LAYERS, HIDDEN, WIDE = 6, 384, 1536  # all-MiniLM-L6-v2
PEERS = ("chroma", "fastembed", "txtai")
OURS = ("ragkit", "ragkit_numpy", "ragkit_int8")
THEIRS = ("sentence_transformers", "sentence_transformers_by_tokens")


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


def cut(wanted: int, size: int = 240) -> list[str]:
    """So many passages of data/, as they are embedded, a mix of all lengths."""
    encoder = models.load()
    texts = []
    for path in sorted(DATA.rglob("*")):
        if path.is_file() and path.parent != DATA:
            document = read(path.read_bytes(), path.name)
            texts += [
                embedded_text(each.header, each.text)
                for each in split(document, encoder, size=size)
            ]
    step = max(1.0, len(texts) / wanted)
    return [texts[int(i * step)] for i in range(min(wanted, len(texts)))]


def prepare(folder: Path) -> tuple[int, float]:
    """Writes what the engines read; returns tokens, specials included, and operations of `bulk`."""
    # Shorter than by default: 133 tokens on average is what peers were measured with before.
    texts, check = cut(TEXTS, 175), cut(CHECKED)
    # As many as were asked for, and of every length: halves and quarters of passages fill up.
    shorter = [part for text in check for part in (text[: len(text) // 2], text[: len(text) // 4])]
    check += [part for part in shorter if part.strip()][: CHECKED - len(check)]
    model = models.resolve(models.DEFAULT_MODEL).path
    (folder / "texts.json").write_text(json.dumps(texts))
    (folder / "check.json").write_text(json.dumps(check))
    (folder / "query.txt").write_text(QUERY)
    (folder / "model.txt").write_text(str(model))
    export(model, folder / "model.onnx")
    lengths = [min(count + 2, 256) for count in models.load().count_tokens(texts)]
    linear = LAYERS * 2 * (4 * HIDDEN * HIDDEN + 2 * HIDDEN * WIDE)
    return sum(lengths), sum(n * linear + LAYERS * 4 * n * n * HIDDEN for n in lengths)


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


def bulk(engines: dict[str, Engine], tokens: int, operations: float) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    queries: dict[str, list[float]] = {name: [] for name in engines}
    rates = []
    for _ in range(ROUNDS):
        rates.append(peak_rate())
        for name, engine in engines.items():
            seconds[name].append(engine.ask("bulk"))
            queries[name].append(engine.ask("query"))
    best = max(rates)
    base = statistics.median(seconds["sentence_transformers"])
    print(f"\n{TEXTS} passages of {tokens / TEXTS:.0f} tokens; a large product of matrices runs")
    print(f"at {best / 1e9:.0f} GFLOP/s here.\n")
    print("| engine | tokens/s | × | of that rate | warm query ms | peak MB |")
    print("|---|---|---|---|---|---|")
    for name, engine in engines.items():
        took, query = statistics.median(seconds[name]), statistics.median(queries[name])
        print(
            f"| {name} | {tokens / took:,.0f} | {base / took:.2f} "
            f"| {operations / took / best:.0%} | {query * 1e3:.1f} | {engine.peak():.0f} |",
            flush=True,
        )


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
    encoder = models.load()
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
        tokens, operations = prepare(folder)
        engines = {name: Engine(name, sys.executable, folder) for name in (*THEIRS, *OURS)}
        if openvino:
            name = "sentence_transformers_openvino"
            engines[name] = Engine(name, openvino, folder)
        if peers:
            engines |= {name: Engine(name, peers, folder) for name in PEERS}
        bulk(engines, tokens, operations)
        agreement(engines, folder)
        for engine in engines.values():
            engine.process.stdin.close()
            engine.process.wait()
    whole_index()
