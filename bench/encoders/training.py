"""Train with each of the three poolings; print dev Spearman on STS-B before and after.

The base model is the lower third of all-MiniLM-L6-v2: its embeddings and the first two of its six
layers. The output of the second layer was never pooled or compared during that model's training.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from safetensors.numpy import load_file, save_file

from ragkit.encoders.resolve import DEFAULT_MODEL, resolve
from ragkit.learning import train

STSB = Path(__file__).parents[3] / "shared" / "data" / "stsb"
KEPT_LAYERS = 2


def write_base_model(folder: Path) -> Path:
    """Write the base model to `folder` as plain transformers, without pooling."""
    source = resolve(DEFAULT_MODEL).path
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        if (source / name).exists():
            shutil.copy(source / name, folder)
    config = json.loads((source / "config.json").read_text())
    config |= {"num_hidden_layers": KEPT_LAYERS, "architectures": ["BertModel"]}
    (folder / "config.json").write_text(json.dumps(config))
    tensors = {
        name: value
        for name, value in load_file(source / "model.safetensors").items()
        if not name.startswith("encoder.layer.") or int(name.split(".")[2]) < KEPT_LAYERS
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def main() -> None:
    if not STSB.is_dir():
        print(f"\nSTS-B not found in {STSB}")
        return
    print("\n| pooling | before | after | steps | seconds |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = write_base_model(folder / "base")
        for pooling in ("cls", "mean", "max"):
            report = train(
                STSB / "train.jsonl",
                folder / pooling,
                model=str(base),
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
