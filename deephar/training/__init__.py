"""Training: recipes as data, the trainer that runs them, and its parts."""

from deephar.training import options, transfer
from deephar.training.callbacks import KeepFreedMemory, Score
from deephar.training.compiling import compile_model, set_momentum
from deephar.training.fitting import fit
from deephar.training.recipe import STAGES, ClipSampling, Joint, Recipe, Stage
from deephar.training.schedules import cosine_schedule, plateau_schedule, step_schedule
from deephar.training.stages import train_stages
from deephar.training.trainer import follow, train

__all__ = [
    "STAGES",
    "ClipSampling",
    "Joint",
    "KeepFreedMemory",
    "Recipe",
    "Score",
    "Stage",
    "compile_model",
    "cosine_schedule",
    "fit",
    "follow",
    "options",
    "plateau_schedule",
    "set_momentum",
    "step_schedule",
    "train",
    "train_stages",
    "transfer",
]
