"""The installation: a database, Prefect's server, two workers, a target, a site in a folder, and the application."""

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
from chaos.postgres_server import PostgresServer, cluster, free_port
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


class ForgetfulEngine(PrefectEngine):
    """Prefect as the engine, but for the wake-ups that get lost: a `share` of them, by chance."""

    def __init__(self, store: SqlStore, settings: Settings, chance: random.Random) -> None:
        super().__init__(store, settings)
        self._chance = chance
        self.share = 0.0
        self.dropped = 0

    def wake(self, execution_id: str) -> None:
        """Tell the workers, or nobody."""
        if self._chance.random() < self.share:
            self.dropped += 1
            return
        super().wake(execution_id)


@dataclass(kw_only=True)
class World:
    """All of it.

    `over` is set when no fault may begin any more, `closed` when nobody is to do anything any more."""

    options: Options
    settings: Settings
    store: SqlStore
    engine: ForgetfulEngine
    app: App
    target: Target
    prefect: Prefect
    workers: list[Worker]
    pages: Path
    database: PostgresServer | None
    choosing: threading.Lock = field(default_factory=threading.Lock)
    """Held by whoever chooses a worker to harm."""
    over: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    def held_by(self, pid: int) -> list[str]:
        """The ids of the executions that a process holds, by our own record."""
        running = self.store.executions(ExecutionFilter(statuses=frozenset({"running"})), limit=200)
        return [item.id for item in running if item.holder is not None and pid_of(item.holder) == pid]


def pid_of(holder: str) -> int:
    """The process id in the name under which a worker holds leases."""
    return int(holder.split(":")[2])


@contextmanager
def world(options: Options) -> Iterator[World]:
    """Everything started and ready, and nothing left at the end."""
    with ExitStack() as stack:
        options.folder.mkdir(parents=True, exist_ok=True)
        target = stack.enter_context(Target(options.seed).serving())
        home, logs, port = options.folder / "home", options.folder / "logs", free_port()
        home.mkdir()
        logs.mkdir()
        os.environ.update(process_specs.prefect_environment(home, port))
        refresh_global_settings_context()  # Prefect has read the environment when it was imported
        starter = Starter()
        stack.callback(starter.close)
        prefect = Prefect(starter, process_specs.prefect_server(dict(os.environ), port), home / "prefect", logs)
        stack.callback(prefect.kill)
        prefect.begin()  # it takes the longest
        database = stack.enter_context(cluster(options.folder)) if options.database == "postgresql" else None
        settings = _settings(options, database)
        given = process_specs.program_environment(settings, {})
        upgrade(settings.url)
        store = stack.enter_context(closing(open_store(settings.url)))
        engine = ForgetfulEngine(store, settings, random.Random(f"wake-ups {options.seed}"))
        app = App(store, engine, settings)
        pages = _publish(app, store, target, options.folder)
        prefect.wait()
        workers = []
        for number in range(WORKERS):
            program: ProcessSpec = process_specs.worker(given, settings)
            workers.append(Worker(starter, program, logs / f"worker-{number + 1}.log"))
            stack.callback(workers[-1].stop)
        _wait_for(workers)
        yield World(
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
    """The site and the workflows; returns the folder of the site's pages."""
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
            raise RuntimeError("the workers do not start; their logs are in the folder of the run")
        time.sleep(0.1)
