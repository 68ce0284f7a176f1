"""The three poolings trained alike: STS-B dev Spearman before and after, from the plainest start
at hand. Plain BERT's weights cannot be fetched here, so the start is the lower third of
all-MiniLM-L6-v2: its word and position vectors and the first two of its six layers. What those
layers give was never pooled nor compared; it only went on into the third."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from safetensors.numpy import load_file, save_file

from ragkit.encoders.resolve import DEFAULT_MODEL, resolve
from ragkit.learning import train

STSB = Path(__file__).parents[3] / "shared" / "data" / "stsb"
LAYERS = 2


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
    tensors = {
        name: value
        for name, value in load_file(source / "model.safetensors").items()
        if not name.startswith("encoder.layer.") or int(name.split(".")[2]) < LAYERS
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


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
