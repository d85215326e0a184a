"""`python -m chaos`: one run, its metrics and its verdict; exit code 0 when it passed."""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from chaos.options import Options, default_intervals
from chaos.postgres_server import NoPostgres


@click.command()
@click.option("--seconds", type=click.FloatRange(20), default=600.0, show_default=True, help="Seconds of faults.")
@click.option("--seed", type=int, help="Repeats a run, as far as the machine allows; random by default.")
@click.option("--database", type=click.Choice(["postgresql", "sqlite"]), default="postgresql", show_default=True)
@click.option("--rate", type=click.FloatRange(0.1), default=2.0, show_default=True, help="Starts a second.")
@click.option("--most", type=click.IntRange(1, 190), default=40, show_default=True, help="Concurrent executions.")
@click.option("--lease", type=click.FloatRange(1), help="Seconds. Default: as installed; 3 in runs under 3 minutes.")
@click.option(
    "--sweep",
    type=click.FloatRange(0.2),
    help="Seconds between passes of the reconciler. Default: as installed; 1 in runs under 3 minutes.",
)
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write the metrics to this file.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="A new folder for all data and logs.")
def main(
    seconds: float,
    seed: int | None,
    database: str,
    rate: float,
    most: int,
    lease: float | None,
    sweep: float | None,
    file: Path | None,
    keep: Path | None,
) -> None:
    """Run an installation under faults, and check the evidence."""
    usual_lease, usual_sweep = default_intervals(seconds)
    folder = keep or Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # PostgreSQL runs as another user
    options = Options(
        seconds=seconds,
        seed=random.randrange(10**6) if seed is None else seed,
        folder=folder.resolve(),
        database="sqlite" if database == "sqlite" else "postgresql",
        rate=rate,
        most=most,
        lease=lease or usual_lease,
        sweep=sweep or usual_sweep,
    )
    begun = time.monotonic()

    def log(text: str) -> None:
        click.echo(f"[{time.monotonic() - begun:5.0f} s] {text}", err=True)

    log(f"seed {options.seed}: {options.database}, lease {options.lease:g} s, reconciler every {options.sweep:g} s")
    from chaos.run import run
    from chaos.verdict import judge

    try:
        verdict = judge(run(options, log))
    except NoPostgres as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(verdict.text())
    if file is not None:
        file.write_text(json.dumps(verdict.record(), indent=2) + "\n", encoding="utf-8")
    if keep is None and verdict.ok:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        log(f"data and logs are in {folder}")
    sys.exit(0 if verdict.ok else 1)


if __name__ == "__main__":
    main()
