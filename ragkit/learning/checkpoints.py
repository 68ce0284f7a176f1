"""The state of a training on disk, so that it can be cut off at any moment and go on.

Contract: `Workshop` is the folder beside the model to be, `NAME.training`; it holds what was
asked (run.json), the newest checkpoint and the best weights, each written under another name and
renamed, so that what is there is whole. Tensors are safetensors, the rest is JSON: the trainer's
own checkpoints are pickles, which ragkit neither writes nor opens. Nothing is lost by that: a
resumed training takes the same steps as one that was never interrupted. Knows no data and no loss.
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

TRAINER = "trainer_state.json"
"""The trainer reads this name to know where it was."""
_RUN, _JOURNAL, _SCHEDULE = "run.json", "journal.json", "schedule.json"
_TENSORS = "state.safetensors"


@dataclass(slots=True)
class Journal:
    """What has happened so far."""

    losses: list[tuple[int, float]] = field(default_factory=list)
    evaluations: list[tuple[int, float | None]] = field(default_factory=list)
    best_step: int | None = None
    best: float | None = None
    since_best: int = 0
    """Evaluations since the best one."""
    seconds: float = 0.0
    over: bool = False
    """Whether the last step was taken, or the dev figure has stopped rising."""


class Workshop:
    """The folder of one training."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, output: str | Path) -> Workshop:
        """The one beside the model to be."""
        path = Path(output).expanduser()
        return cls(path.parent / f"{path.name}.training")

    @property
    def exists(self) -> bool:
        """Whether a training was begun here and not finished."""
        return (self.folder / _RUN).is_file()

    def begin(self, asked: dict[str, Any]) -> None:
        """An empty folder for this run. Raises `UsageError` where another's files are."""
        if self.exists:
            shutil.rmtree(self.folder)
        elif self.folder.exists() and any(self.folder.iterdir()):
            raise UsageError(f"{self.folder} is in the way: move it, or choose another --output")
        self.folder.mkdir(parents=True, exist_ok=True)
        _write_json(self.folder / _RUN, asked)

    def check(self, asked: dict[str, Any]) -> None:
        """Raises `UsageError` where the run begun here was asked something else."""
        begun = json.loads((self.folder / _RUN).read_bytes())
        asked = json.loads(json.dumps(asked))
        changed = [
            f"{name} was {begun.get(name)!r}, now {asked.get(name)!r}"
            for name in sorted(begun.keys() | asked.keys())
            if begun.get(name) != asked.get(name)
        ]
        if changed:
            raise UsageError(
                f"cannot go on with the training in {self.folder}: {'; '.join(changed)}. Repeat "
                f"the same command, or start anew with --force"
            )

    def latest(self) -> Path | None:
        """The newest whole checkpoint."""
        found = sorted(self.folder.glob("checkpoint-*"))
        return found[-1] if found else None

    def step(self) -> int:
        """The step of the newest checkpoint, 0 without one."""
        latest = self.latest()
        return int(latest.name.rpartition("-")[2]) if latest else 0

    def best(self, step: int) -> Path:
        """Where the weights of that step are, or will be, kept."""
        return self.folder / f"best-{step:09}"

    def keep(self, step: int, save: Callable[[str], None]) -> None:
        """Have `save` write the weights of that step as the best so far."""
        if not self.best(step).exists():
            with_new = self._new("best")
            save(str(with_new))
            with_new.rename(self.best(step))

    def add(self, step: int, write: Callable[[Path], None], journal: Journal) -> None:
        """Have `write` fill a checkpoint; then the older one and its best weights may go."""
        checkpoint = self.folder / f"checkpoint-{step:09}"
        if not checkpoint.exists():
            new = self._new("checkpoint")
            write(new)
            _write_json(new / _JOURNAL, asdict(journal))
            new.rename(checkpoint)
        for old in (*self.folder.glob("checkpoint-*"), *self.folder.glob("best-*")):
            if old not in (checkpoint, self.best(journal.best_step or 0)):
                shutil.rmtree(old)

    def remove(self) -> None:
        """Take the folder away."""
        shutil.rmtree(self.folder)

    def _new(self, name: str) -> Path:
        path = self.folder / f"new-{name}"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        return path


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def journal(checkpoint: Path) -> Journal:
    """What had happened when the checkpoint was written."""
    found = Journal(**json.loads((checkpoint / _JOURNAL).read_bytes()))
    found.losses = [(step, loss) for step, loss in found.losses]
    found.evaluations = [(step, value) for step, value in found.evaluations]
    return found


def save_state(
    folder: Path, head: nn.Module, optimizer: torch.optim.Optimizer, scheduler: Scheduler
) -> None:
    """Beside the model's weights: the loss's own ones, the optimizer's moments, the schedule and
    the random numbers' state."""
    import torch
    from safetensors.torch import save_file

    tensors = {f"head.{name}": value for name, value in _own(head).items()}
    state = optimizer.state_dict()
    for place, values in state["state"].items():
        tensors |= {f"moment.{place}.{name}": value for name, value in values.items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        for device, value in enumerate(torch.cuda.get_rng_state_all()):
            tensors[f"random.cuda.{device}"] = value
    # Clones: safetensors refuses tensors that share memory.
    save_file(
        {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()},
        folder / _TENSORS,
    )
    rates = [group["lr"] for group in state["param_groups"]]
    steps = scheduler.state_dict()
    kept = {"last_epoch": steps["last_epoch"], "_step_count": steps["_step_count"]}
    _write_json(folder / _SCHEDULE, {"rates": rates, "schedule": kept})


def restore_state(
    folder: Path, head: nn.Module, optimizer: torch.optim.Optimizer, scheduler: Scheduler
) -> None:
    """The inverse of `save_state`, but for the random numbers: see `restore_random`."""
    from safetensors.torch import load_file

    tensors = load_file(folder / _TENSORS)
    own = {name[5:]: value for name, value in tensors.items() if name.startswith("head.")}
    head.load_state_dict(own, strict=False)
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("moment."):
            _, place, kind = name.split(".")
            moments.setdefault(int(place), {})[kind] = value
    saved = json.loads((folder / _SCHEDULE).read_bytes())
    state = optimizer.state_dict()
    state["state"] = moments
    for group, rate in zip(state["param_groups"], saved["rates"], strict=True):
        group["lr"] = rate
    optimizer.load_state_dict(state)
    scheduler.load_state_dict({**scheduler.state_dict(), **saved["schedule"]})


def restore_random(folder: Path) -> None:
    """Go on with the random numbers (dropout) that would have come next."""
    import torch
    from safetensors.torch import load_file

    tensors = load_file(folder / _TENSORS)
    torch.set_rng_state(tensors["random.cpu"])
    for device in range(torch.cuda.device_count()):
        if (value := tensors.get(f"random.cuda.{device}")) is not None:
            torch.cuda.set_rng_state(value, device)


def _own(head: nn.Module) -> dict[str, torch.Tensor]:
    """The loss's own weights: all but the model's, which are saved as a model."""
    return {name: value for name, value in head.state_dict().items() if name[:6] != "model."}
