"""`flowbuilder worker`: the warm worker."""

from __future__ import annotations

import os

import click

from flowbuilder.bootstrap import settings
from flowbuilder.devstack.runtime_state import use_running_prefect

POLL_SECONDS = "2"


@click.command()
@click.option("--pool", metavar="P", help="The work pool whose runs it takes; made when it is missing.")
@click.option("--limit", type=click.IntRange(1, 1000), help="How many executions at once.")
@click.option("--name", metavar="N", help="What Prefect calls it.")
@click.option("--once", is_flag=True, help="Take what is there now, and end.")
@click.option("--only", metavar="ID", help="Run this execution alone, as far as it goes, and end.")
@click.option("--suspects", is_flag=True, hidden=True)
def command(
    pool: str | None, limit: int | None, name: str | None, once: bool, only: str | None, suspects: bool
) -> None:
    """Run executions: many at once in this one process, until Ctrl-C.

    It finishes the steps that run and leaves the rest to the next worker. It wakes what was decided, expires reviews,
    and repairs what other workers have left.
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
