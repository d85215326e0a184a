"""Step types: what one is, the built-in ones, and the registry. Third parties subclass `Step`."""

from flowbuilder.steps.step import Completed, Step, StepRun

__all__ = ["Completed", "Step", "StepRun"]
