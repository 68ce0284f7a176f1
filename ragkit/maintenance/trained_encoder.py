"""The fine-tuned encoder of `ragkit tune --train`: trained in a cache folder, kept if better.

The training is that of `ragkit train` on triplets made from the collection. A run that is killed is
resumed from its last checkpoint. A model that is used gets a place in the user's data folder, under
a name that follows from its weights. Knows no collection and no measures.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ragkit import learning, user_dirs
from ragkit.encoders import digests
from ragkit.encoders.spec import ModelSpec
from ragkit.errors import UsageError
from ragkit.learning import base_model
from ragkit.learning.checkpoints import TrainingFolder
from ragkit.learning.train import check_packages
from ragkit.maintenance.new_folder import new_folder

# A change of these begins other work: raise `tune._VERSION`.
MIN_PAIRS = 100  # with fewer, nothing is trained
MAX_PAIRS = 1500  # about a quarter of an hour on two cores
EPOCHS = 2
BATCH_SIZE = 16  # triplets: 32 of 250 tokens each would take 7 GB of memory
LEARNING_RATE = 2e-5  # the paper's
EVALUATIONS = 4  # on the pairs that are not trained on
_DEV_PAIRS = 20  # at least; else a tenth
_OUTPUT, _PAIRS = "encoder", "pairs.jsonl"


def check_trainable(spec: ModelSpec) -> None:
    """Raise UsageError or ModelError, before any work, if this model cannot be fine-tuned here."""
    if spec.base_url is not None:
        raise UsageError(f"{spec} runs on a server and cannot be trained; leave out --train")
    check_packages()
    base_model.read_base_model(spec.name)


def train_encoder(
    spec: ModelSpec,
    write_pairs: Callable[[Path], int],
    folder: Path,
    seed: int,
    notify: Callable[[str], None],
) -> tuple[Path | None, int]:
    """Return the folder of a model fine-tuned from that of `spec`, and the number of pairs; None
    with fewer than MIN_PAIRS.

    `write_pairs` writes the triplets to a file and returns their number. Everything lies in
    `folder`; a training that was interrupted there goes on, and a finished one is not repeated.
    Raises UsageError and ModelError as `learning.train`.
    """
    output, pairs = folder / _OUTPUT, folder / _PAIRS
    is_resumed = TrainingFolder.for_output(output).has_training
    if not (is_resumed or output.is_dir()):
        write_pairs(pairs)
    with pairs.open("rb") as file:
        count = sum(1 for _ in file)
    if count < MIN_PAIRS:
        return None, count
    if output.is_dir():
        return output, count
    dev: list[float] = []

    def report(progress: learning.TrainingProgress) -> None:
        if progress.value is not None and dev[-1:] != [progress.value]:
            dev.append(progress.value)
            notify(
                f"training: step {progress.step:,} of {progress.steps:,}, dev {progress.metric} "
                f"{progress.value:.3f}"
            )

    learning.train(
        pairs, output, model=spec.name, objective="ranking", epochs=EPOCHS, seed=seed,
        batch_size=BATCH_SIZE, learning_rate=LEARNING_RATE, evaluations=EVALUATIONS,
        dev_share=min(0.5, max(0.1, _DEV_PAIRS / count)), resume=is_resumed, notify=notify,
        on_progress=report,
    )  # fmt: skip
    return output, count


def keep_encoder(trained: Path) -> Path:
    """Copy a trained model to its place in the user's data folder; return that place. Raises
    CollectionError if it cannot be written."""
    name = f"tuned-{digests.file_digest(trained / 'model.safetensors')[:16]}"
    place = user_dirs.data() / "models" / name
    if not place.is_dir():
        with new_folder(place, "a trained model") as temporary:
            shutil.copytree(trained, temporary, dirs_exist_ok=True)
    return place
