"""Bulk encoding of other architectures: ragkit's engines against sentence-transformers on torch.

The variable RAGKIT_BENCH_MODELS names model folders, separated like those of PATH; without it, a
ModernBERT and an XLM-R of real sizes with random weights are written first. Each engine is a
process of its own; rounds are interleaved, figures are medians of tokens per second of CPU time
(all threads), which other work on the machine changes little, and the lowest cosine compares the
vectors of both.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

from bench.encoders.speed import QUERY, Engine, mixed_length_texts, split_passages
from ragkit.encoders import resolve as resolve_model

ROUNDS, TEXTS = 3, 48
NAMES = ("sentence_transformers", "ragkit")
# granite-embedding-small-english-r2 and multilingual-MiniLM-L12 without their vocabularies.
MODELS = {
    "ModernBERT 12 x 384": ("ModernBertConfig", {
        "hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 1536, "max_position_embeddings": 8_192, "pad_token_id": 0,
        "bos_token_id": 101, "eos_token_id": 102, "cls_token_id": 101, "sep_token_id": 102,
    }),
    "XLM-R 12 x 384": ("XLMRobertaConfig", {
        "hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 1536, "max_position_embeddings": 514, "type_vocab_size": 1,
    }),
}  # fmt: skip


def write_model(folder: Path, config: str, sizes: dict[str, object]) -> Path:
    """Write a model with random weights and the default model's tokenizer."""
    import torch
    import transformers

    torch.manual_seed(0)
    settings = getattr(transformers, config)(vocab_size=30_522, **sizes)
    transformers.AutoModel.from_config(settings).save_pretrained(folder)
    source = resolve_model.resolve(resolve_model.DEFAULT_MODEL).path
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "modules.json"):
        shutil.copy(source / name, folder)
    shutil.copytree(source / "1_Pooling", folder / "1_Pooling")
    (folder / "2_Normalize").mkdir(exist_ok=True)
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 512}')
    return folder


def cpu_seconds(engine: Engine) -> float:
    """Return the CPU time of an engine's process so far."""
    fields = Path(f"/proc/{engine.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare(name: str, model: Path, temporary: Path) -> None:
    folder = temporary / f"work-{name.replace(' ', '-')}"
    folder.mkdir()
    sets = {"mixed": mixed_length_texts(TEXTS), "cut": split_passages(TEXTS)}
    for key, texts in {**sets, "check": sets["mixed"]}.items():
        (folder / f"{key}.json").write_text(json.dumps(texts))
    (folder / "query.txt").write_text(QUERY)
    (folder / "model.txt").write_text(str(model))
    encoder = resolve_model.load(str(model))
    counts = {key: sum(encoder.count_tokens(texts)) for key, texts in sets.items()}
    engines = {engine: Engine(engine, sys.executable, folder) for engine in NAMES}
    seconds = {(engine, task): [] for engine in NAMES for task in sets}
    for _ in range(ROUNDS):
        for (engine, task), times in seconds.items():
            before = cpu_seconds(engines[engine])
            engines[engine].run_task(task)
            times.append(cpu_seconds(engines[engine]) - before)
    medians = {key: statistics.median(times) for key, times in seconds.items()}
    for engine in NAMES:
        engines[engine].run_task("dump")
    vectors = [np.load(folder / f"{engine}.npy") for engine in NAMES]
    lowest = np.einsum("ij,ij->i", *vectors).min()
    for engine in NAMES:
        cells = [name, engine]
        for task in sets:
            own = medians[engine, task]
            share = medians["sentence_transformers", task] / own
            cells += [f"{counts[task] / own:,.0f}", f"{share:.2f}"]
        cells += [f"{engines[engine].peak_mb():.0f}", f"{lowest:.6f}"]
        print(f"| {' | '.join(cells)} |", flush=True)
    for engine in engines.values():
        engine.process.stdin.close()
        engine.process.wait()


def main() -> None:
    print("| model | engine | mixed lengths, tokens/CPU s | × | passages, tokens/CPU s | × "
          "| peak MB | lowest cosine |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        named = os.environ.get("RAGKIT_BENCH_MODELS", "").split(os.pathsep)
        folders = {Path(name).name: Path(name) for name in named if name}
        if not folders:
            folders = {
                name: write_model(Path(temporary) / name.replace(" ", "-"), *model)
                for name, model in MODELS.items()
            }
        for name, folder in folders.items():
            compare(name, folder, Path(temporary))
