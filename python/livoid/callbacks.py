"""What is done while a run goes on: moments, and how often (``docs/howto/new-callback.md``)."""

from solver.simulation.callbacks import (
    AfterOutputOrSteps,
    Callback,
    CallbackError,
    EverySteps,
    Scheduled,
    at_outputs,
    every_step,
)

__all__ = [
    "AfterOutputOrSteps",
    "Callback",
    "CallbackError",
    "EverySteps",
    "Scheduled",
    "at_outputs",
    "every_step",
]
