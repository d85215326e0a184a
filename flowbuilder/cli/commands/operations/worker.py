"""`flowbuilder worker`: run the warm worker."""

from __future__ import annotations

import os

import click

from flowbuilder.bootstrap import settings
from flowbuilder.devstack.runtime_state import use_running_prefect

POLL_SECONDS = "2"


@click.command()
@click.option("--pool", metavar="P", help="The Prefect work pool to poll. Created if it is missing.")
@click.option("--limit", type=click.IntRange(1, 1000), help="Run at most this many executions at once.")
@click.option("--name", metavar="N", help="The name of the worker in Prefect.")
@click.option("--once", is_flag=True, help="Run what is scheduled now, then exit.")
@click.option("--only", metavar="ID", help="Run only this execution until it ends or waits, then exit.")
@click.option("--suspects", is_flag=True, hidden=True)
def command(
    pool: str | None, limit: int | None, name: str | None, once: bool, only: str | None, suspects: bool
) -> None:
    """Run executions, many at once in this process. Ctrl-C stops the worker.

    On Ctrl-C it finishes the running steps and releases its executions to other workers. Its reconciler wakes
    executions whose reviews are decided, expires reviews, and recovers executions of lost workers.
    """
    options = settings()
    use_running_prefect(options.home)
    os.environ.setdefault("PREFECT_WORKER_QUERY_SECONDS", POLL_SECONDS)
    from flowbuilder.collection import FlowbuilderWorker
    from flowbuilder.prefect.worker.main import run_one, run_until_stopped

    if suspects:
        from flowbuilder.prefect.worker.fork_server import serve_forks

        serve_forks(FlowbuilderWorker.open_worker_context, pool=pool or options.work_pool)
        return
    if only is not None:
        run_one(only, FlowbuilderWorker.open_worker_context, pool=pool or options.work_pool)
        return
    worker = FlowbuilderWorker(work_pool_name=pool or options.work_pool, limit=limit or options.worker_limit, name=name)
    run_until_stopped(worker, once=once)
