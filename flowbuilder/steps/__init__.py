"""Step types: the base class `Step`, the built-in types and the registry. Third parties subclass `Step`."""

from flowbuilder.steps.step import Completed, Step, StepRun

__all__ = ["Completed", "Step", "StepRun"]
