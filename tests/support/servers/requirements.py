"""What the tests need beyond Python: `.ci/run` installs it by name, a laptop may lack it."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def unavailable(reason: str) -> NoReturn:
    """Skip the test, with the reason; on a build machine, where all is installed, it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}: see .ci/run for the packages")
    pytest.skip(reason)
