"""Models that learn from pairs of sentences. `train` is the whole of it; the rest are its rooms:
rows and targets and splits (data), start, objectives, loop and checkpoints, report and curves."""

from ragkit.learning.report import TrainReport
from ragkit.learning.train import train
from ragkit.learning.training_monitor import Progress

__all__ = ["Progress", "TrainReport", "train"]
