"""The faults, each in the file of what it hits."""

from __future__ import annotations

from chaos.fault import Fault
from chaos.faults.database import CrashDatabase
from chaos.faults.prefect import FreezePrefect, KillPrefect, RestorePrefect
from chaos.faults.user_actions import CancelExecution, PauseExecution, ResumeWithoutDecision
from chaos.faults.wake_ups import DropWakeUps, ForgetWorkers
from chaos.faults.workers import DrainWorker, KillWorker, StopWorker, StopWorkerShortly
from chaos.options import Options

OBSERVED = ("decision racing an expiry", "decision made twice")
"""What nobody has to inject: people do it all the time, and their answers show it."""


def faults(options: Options) -> list[Fault]:
    """The faults that a run of this kind has."""
    found: list[Fault] = [
        KillWorker(),
        StopWorker(),
        StopWorkerShortly(),
        DrainWorker(),
        KillPrefect(),
        FreezePrefect(),
        RestorePrefect(),
        DropWakeUps(),
        ForgetWorkers(),
        ResumeWithoutDecision(),
        CancelExecution(),
        PauseExecution(),
    ]
    return [CrashDatabase(), *found] if options.database == "postgresql" else found
