"""The state of a training on disk, so that it can be interrupted at any moment and resumed.

Contract: `TrainingFolder` is `NAME.training`, beside the output folder `NAME`. It contains the
settings of the run (run.json), the newest checkpoint and the weights of the best evaluation. Each
is written to a temporary name and renamed, so an existing one is complete. Tensors are safetensors,
the rest is JSON: the trainer's own checkpoints are pickles, which ragkit neither writes nor opens.
A resumed training gives the same weights as an uninterrupted one. Knows no data and no loss
function.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ragkit.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import nn

    Scheduler: TypeAlias = torch.optim.lr_scheduler.LRScheduler

TRAINER_STATE = "trainer_state.json"  # the name that the transformers trainer reads on resuming
_SETTINGS, _HISTORY, _SCHEDULE = "run.json", "journal.json", "schedule.json"
_TENSORS = "state.safetensors"


@dataclass(slots=True)
class TrainingHistory:
    """Losses and evaluations so far. Stored as journal.json with these field names."""

    losses: list[tuple[int, float]] = field(default_factory=list)  # (step, loss)
    evaluations: list[tuple[int, float | None]] = field(default_factory=list)  # (step, dev figure)
    best_step: int | None = None
    best: float | None = None  # the highest dev figure after step 0
    since_best: int = 0  # evaluations since the best one
    seconds: float = 0.0  # of training and evaluating, over all runs
    over: bool = False  # the last step was taken, or the dev figure has stopped improving


class TrainingFolder:
    """The folder of one unfinished training."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def for_output(cls, output: str | Path) -> TrainingFolder:
        """Return the training folder beside the output folder `output`. It need not exist."""
        output = Path(output).expanduser()
        return cls(output.parent / f"{output.name}.training")

    @property
    def has_training(self) -> bool:
        """Whether the folder contains an unfinished training."""
        return (self.path / _SETTINGS).is_file()

    def create(self, settings: dict[str, Any]) -> None:
        """Create the folder for a new training with these settings and delete the previous
        training. Raises UsageError if the folder contains anything else."""
        if self.has_training:
            shutil.rmtree(self.path)
        elif self.path.exists() and any(self.path.iterdir()):
            raise UsageError(
                f"{self.path} exists and is not a training folder: move it, or choose another "
                f"--output"
            )
        self.path.mkdir(parents=True, exist_ok=True)
        _write_json(self.path / _SETTINGS, settings)

    def check_settings(self, settings: dict[str, Any]) -> None:
        """Raise UsageError if the training was started with other settings."""
        stored = json.loads((self.path / _SETTINGS).read_bytes())
        settings = json.loads(json.dumps(settings))
        changes = [
            f"{name} was {stored.get(name)!r}, now {settings.get(name)!r}"
            for name in sorted(stored.keys() | settings.keys())
            if stored.get(name) != settings.get(name)
        ]
        if changes:
            raise UsageError(
                f"cannot resume the training in {self.path}: {'; '.join(changes)}. Repeat the same "
                f"command, or start over with --force"
            )

    def latest_checkpoint(self) -> Path | None:
        """Return the folder of the newest checkpoint, or None."""
        checkpoints = sorted(self.path.glob("checkpoint-*"))
        return checkpoints[-1] if checkpoints else None

    def latest_step(self) -> int:
        """Return the step of the newest checkpoint, or 0."""
        checkpoint = self.latest_checkpoint()
        return int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0

    def best_model(self, step: int) -> Path:
        """Return the folder for the weights of `step`, the best evaluation. It need not exist."""
        return self.path / f"best-{step:09}"

    def save_best_model(self, step: int, save_model: Callable[[str], None]) -> None:
        """Store the weights of `step` as the best so far. `save_model` writes them to a folder."""
        if not self.best_model(step).exists():
            temporary = self._create_temporary("best")
            save_model(str(temporary))
            temporary.rename(self.best_model(step))

    def save_checkpoint(
        self, step: int, write_state: Callable[[Path], None], history: TrainingHistory
    ) -> None:
        """Store a checkpoint, then delete older checkpoints and best weights. `write_state` writes
        everything but the history to a folder."""
        checkpoint = self.path / f"checkpoint-{step:09}"
        if not checkpoint.exists():
            temporary = self._create_temporary("checkpoint")
            write_state(temporary)
            _write_json(temporary / _HISTORY, asdict(history))
            temporary.rename(checkpoint)
        for folder in (*self.path.glob("checkpoint-*"), *self.path.glob("best-*")):
            if folder not in (checkpoint, self.best_model(history.best_step or 0)):
                shutil.rmtree(folder)

    def delete(self) -> None:
        """Delete the folder and everything in it."""
        shutil.rmtree(self.path)

    def _create_temporary(self, name: str) -> Path:
        path = self.path / f"new-{name}"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        return path


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def read_history(checkpoint: Path) -> TrainingHistory:
    """Return the history that a checkpoint contains."""
    history = TrainingHistory(**json.loads((checkpoint / _HISTORY).read_bytes()))
    history.losses = [(step, loss) for step, loss in history.losses]
    history.evaluations = [(step, value) for step, value in history.evaluations]
    return history


def save_state(
    checkpoint: Path, loss: nn.Module, optimizer: torch.optim.Optimizer, scheduler: Scheduler
) -> None:
    """Write everything but the model's weights: the weights of the loss itself (the softmax head),
    the optimizer's moments, the learning rates and the random generators' states."""
    import torch
    from safetensors.torch import save_file

    tensors = {f"head.{name}": value for name, value in _head_tensors(loss).items()}
    state = optimizer.state_dict()
    for index, values in state["state"].items():
        tensors |= {f"moment.{index}.{name}": value for name, value in values.items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        for device, value in enumerate(torch.cuda.get_rng_state_all()):
            tensors[f"random.cuda.{device}"] = value
    # Clones: safetensors refuses tensors that share memory.
    save_file(
        {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()},
        checkpoint / _TENSORS,
    )
    rates = [group["lr"] for group in state["param_groups"]]
    schedule = scheduler.state_dict()
    position = {"last_epoch": schedule["last_epoch"], "_step_count": schedule["_step_count"]}
    _write_json(checkpoint / _SCHEDULE, {"rates": rates, "schedule": position})


def restore_state(
    checkpoint: Path, loss: nn.Module, optimizer: torch.optim.Optimizer, scheduler: Scheduler
) -> None:
    """Load what `save_state` wrote, except the random generators' states."""
    from safetensors.torch import load_file

    tensors = load_file(checkpoint / _TENSORS)
    head = {
        name.removeprefix("head."): value
        for name, value in tensors.items()
        if name.startswith("head.")
    }
    loss.load_state_dict(head, strict=False)
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("moment."):
            _, index, moment = name.split(".")
            moments.setdefault(int(index), {})[moment] = value
    stored = json.loads((checkpoint / _SCHEDULE).read_bytes())
    state = optimizer.state_dict()
    state["state"] = moments
    for group, rate in zip(state["param_groups"], stored["rates"], strict=True):
        group["lr"] = rate
    optimizer.load_state_dict(state)
    scheduler.load_state_dict({**scheduler.state_dict(), **stored["schedule"]})


def restore_random_state(checkpoint: Path) -> None:
    """Set torch's random generators (dropout) to their states at the checkpoint."""
    import torch
    from safetensors.torch import load_file

    tensors = load_file(checkpoint / _TENSORS)
    torch.set_rng_state(tensors["random.cpu"])
    for device in range(torch.cuda.device_count()):
        if (value := tensors.get(f"random.cuda.{device}")) is not None:
            torch.cuda.set_rng_state(value, device)


def _head_tensors(loss: nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights of the loss without those of the model, which are saved as a model."""
    of_model = ("model.", "loss.model.")  # the second: of the loss within a MatryoshkaLoss
    return {
        name: value for name, value in loss.state_dict().items() if not name.startswith(of_model)
    }
