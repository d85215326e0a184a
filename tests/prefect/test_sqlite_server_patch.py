"""Settings of Prefect's server on SQLite where this package is installed."""

import asyncio
import subprocess
import sys
from pathlib import Path

PROBE = """
import asyncio, sys
from prefect.server.database.configurations import AioSqliteConfiguration
from flowbuilder.prefect.api.sqlite_server_patch import serialize_writers

async def main():
    serialize_writers()
    serialize_writers()
    engine = await AioSqliteConfiguration(connection_url=f"sqlite+aiosqlite:///{sys.argv[1]}").engine()
    async with engine.connect() as connection:
        print((await connection.exec_driver_sql("PRAGMA busy_timeout")).scalar(), end=" ")
        print((await connection.exec_driver_sql("PRAGMA journal_mode")).scalar())
    await engine.dispose()

asyncio.run(main())
"""


async def test_the_lock_of_prefects_database_times_out_after_ten_seconds(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROBE, str(tmp_path / "prefect.db")]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout == "10000 wal\n", done.stderr[-1500:]
