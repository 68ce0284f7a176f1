"""The three poolings trained alike: STS-B dev Spearman before and after, from the plainest start
at hand. Plain BERT's weights cannot be fetched here, so the start is made of all-MiniLM-L6-v2: its
word and position vectors, its first two layers, and over them two drawn anew, as BERT's are before
it is trained. The layers whose vectors are pooled have never seen a sentence, nor any pooling."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from ragkit.encoders.models import DEFAULT_MODEL, resolve
from ragkit.learning import train

STSB = Path(__file__).parent.parent.parent / "shared" / "data" / "stsb"
KEPT, LAYERS = 2, 4
SPREAD = 0.02  # BERT's own for weights before training; biases 0, layer norms 1


def plain_start(folder: Path) -> Path:
    """The start model in `folder`, as plain transformers: no pooling."""
    source = resolve(DEFAULT_MODEL).path
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        if (source / name).exists():
            shutil.copy(source / name, folder)
    config = json.loads((source / "config.json").read_text())
    config |= {"num_hidden_layers": LAYERS, "architectures": ["BertModel"]}
    (folder / "config.json").write_text(json.dumps(config))
    rng = np.random.default_rng(0)
    tensors = {}
    for name, value in load_file(source / "model.safetensors").items():
        layer = int(name.split(".")[2]) if name.startswith("encoder.layer.") else -1
        if layer < KEPT:
            tensors[name] = value
        elif layer < LAYERS:
            tensors[name] = drawn(name, value.shape, rng)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def drawn(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if name.endswith("bias"):
        return np.zeros(shape, dtype=np.float32)
    if "LayerNorm" in name:
        return np.ones(shape, dtype=np.float32)
    return rng.normal(0, SPREAD, shape).astype(np.float32)


def main() -> None:
    if not STSB.is_dir():
        print(f"\nno STS-B in {STSB}: nothing to train on")
        return
    print("\n| pooling | before | after | steps | seconds |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = plain_start(folder / "start")
        for pooling in ("cls", "mean", "max"):
            report = train(
                STSB / "train.jsonl",
                folder / pooling,
                model=str(start),
                dev=STSB / "dev.jsonl",
                pooling=pooling,
                learning_rate=5e-5,
                evaluations=4,
            )
            print(
                f"| {pooling} | {report.before:.4f} | {report.after:.4f} | {report.steps} | "
                f"{report.seconds:.0f} |",
                flush=True,
            )
