"""Fine-tuning of sentence encoders on pairs of sentences.

Entry point: `train`. Input: `pair_file`, `labels`, `dataset`. Training: `base_model`, `objectives`,
`trainer`, `training_monitor`, `checkpoints`. Output: `report`. `similarity` evaluates an encoder on
scored pairs without training.
"""

from ragkit.learning.report import TrainReport
from ragkit.learning.train import train
from ragkit.learning.training_monitor import TrainingProgress

__all__ = ["TrainReport", "TrainingProgress", "train"]
