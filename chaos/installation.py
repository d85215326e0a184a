"""The installation under test: database, Prefect server, two workers, target service, site folder and `App`."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prefect.context import refresh_global_settings_context

from chaos.options import Options
from chaos.postgres_server import PostgresServer, free_port, start_postgres
from chaos.processes import Prefect, Starter, Worker
from chaos.target_service import Target
from chaos.workloads import SITE, SITE_URL, documents
from flowbuilder.app import App
from flowbuilder.definition.site import load_site
from flowbuilder.devstack import process_specs
from flowbuilder.devstack.process import ProcessSpec
from flowbuilder.ports import ExecutionFilter
from flowbuilder.prefect.engine import PrefectEngine
from flowbuilder.settings import Settings
from flowbuilder.store import SqlStore, open_store, upgrade

WORKERS = 2


class LossyEngine(PrefectEngine):
    """The Prefect engine, which drops a random `share` of the wake-ups."""

    def __init__(self, store: SqlStore, settings: Settings, rng: random.Random) -> None:
        super().__init__(store, settings)
        self._rng = rng
        self.share = 0.0
        self.dropped = 0

    def wake(self, execution_id: str) -> None:
        """Wake a worker, or drop the wake-up."""
        if self._rng.random() < self.share:
            self.dropped += 1
            return
        super().wake(execution_id)


@dataclass(kw_only=True)
class Installation:
    """The installation under test. `faults_over` is set when no further fault may begin; `closed` when reviewers and
    faults must stop."""

    options: Options
    settings: Settings
    store: SqlStore
    engine: LossyEngine
    app: App
    target: Target
    prefect: Prefect
    workers: list[Worker]
    pages: Path
    database: PostgresServer | None
    victim_lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while a fault chooses a worker."""
    faults_over: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    def held_by(self, pid: int) -> list[str]:
        """The ids of the executions whose lease a process holds."""
        running = self.store.executions(ExecutionFilter(statuses=frozenset({"running"})), limit=200)
        return [item.id for item in running if item.holder is not None and pid_of(item.holder) == pid]


def pid_of(holder: str) -> int:
    """The process id in a lease holder's name."""
    return int(holder.split(":")[2])


@contextmanager
def start_installation(options: Options) -> Iterator[Installation]:
    """Start everything, wait until it is ready, and stop it at the end."""
    with ExitStack() as stack:
        options.folder.mkdir(parents=True, exist_ok=True)
        target = stack.enter_context(Target(options.seed).serving())
        home, logs, port = options.folder / "home", options.folder / "logs", free_port()
        home.mkdir()
        logs.mkdir()
        os.environ.update(process_specs.prefect_environment(home, port))
        refresh_global_settings_context()  # Prefect read the environment on import
        starter = Starter()
        stack.callback(starter.close)
        prefect = Prefect(starter, process_specs.prefect_server(dict(os.environ), port), home / "prefect", logs)
        stack.callback(prefect.kill)
        prefect.begin()  # first: it takes the longest
        database = stack.enter_context(start_postgres(options.folder)) if options.database == "postgresql" else None
        settings = _settings(options, database)
        given = process_specs.program_environment(settings, {})
        upgrade(settings.url)
        store = stack.enter_context(closing(open_store(settings.url)))
        engine = LossyEngine(store, settings, random.Random(f"wake-ups {options.seed}"))
        app = App(store, engine, settings)
        pages = _publish(app, store, target, options.folder)
        prefect.wait()
        workers = []
        for number in range(WORKERS):
            program: ProcessSpec = process_specs.worker(given, settings)
            workers.append(Worker(starter, program, logs / f"worker-{number + 1}.log"))
            stack.callback(workers[-1].stop)
        _wait_for(workers)
        yield Installation(
            options=options,
            settings=settings,
            store=store,
            engine=engine,
            app=app,
            target=target,
            prefect=prefect,
            workers=workers,
            pages=pages,
            database=database,
        )


def _settings(options: Options, database: PostgresServer | None) -> Settings:
    return Settings(
        home=options.folder / "home",
        database_url=database.url if database else f"sqlite:///{options.folder / 'home' / 'flowbuilder.db'}",
        sites=options.folder / "sites",
        egress_allow="127.0.0.1",
        work_pool="chaos",
        lease_seconds=options.lease,
        sweep_seconds=options.sweep,
    )


def _publish(app: App, store: SqlStore, target: Target, folder: Path) -> Path:
    """Store the site and publish the workflows; returns the folder of the site's pages."""
    pages = folder / "pages"
    pages.mkdir()
    text = f"site: {SITE}\nbase_url: {SITE_URL}\ncms: {{type: files, root: pages, url_prefix: /}}\n"
    record, report = load_site(text, folder=folder)
    if record is None:
        raise RuntimeError(f"the site: {report.summary()}")
    store.save_site(SITE, record)
    for document in documents(target.base).values():
        app.publish(app.push(document).workflow)
    return pages


def _wait_for(workers: list[Worker], *, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not all(worker.ready for worker in workers):
        if time.monotonic() > deadline:
            raise RuntimeError("the workers did not start; see their logs in the folder of the run")
        time.sleep(0.1)
