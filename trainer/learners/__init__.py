"""How models learn: one protocol, one file for each library."""

from trainer.learners.base import Fit, Learner

__all__ = ["Fit", "Learner"]
