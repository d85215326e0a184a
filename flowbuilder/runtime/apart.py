"""A child process for one execution: whatever it does to its process, no other execution is harmed."""

from __future__ import annotations

import asyncio
import logging
import sys

logger = logging.getLogger(__name__)


async def in_a_child(execution_id: str, pool: str) -> None:
    """Have a child process, with the settings of this one, run an execution as far as it goes."""
    command = [sys.executable, "-m", "flowbuilder", "worker", "--pool", pool, "--only", execution_id]
    child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    try:
        code = await child.wait()
    except asyncio.CancelledError:
        child.terminate()
        await child.wait()
        raise
    logger.warning("execution %s had a process of its own, which ended with code %s", execution_id, code)
