"""The number of points that the reliability proofs sample: `FLOWBUILDER_PROOF` is `quick`, `ci` or `thorough`.

The default is `quick`, and `ci` where CI=true. Each level tests the same kinds of failure with the same assertions; a
higher one tests more points.
"""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

LEVELS = ("quick", "ci", "thorough")
LEVEL = os.environ.get("FLOWBUILDER_PROOF") or ("ci" if os.environ.get("CI") == "true" else "quick")
if LEVEL not in LEVELS:
    raise ValueError(f"FLOWBUILDER_PROOF is {LEVEL!r}; it must be one of {', '.join(LEVELS)}")
THOROUGH = LEVEL == "thorough"


def sample(*, quick: T, ci: T, thorough: T) -> T:
    """The value for the level of this run."""
    return {"quick": quick, "ci": ci, "thorough": thorough}[LEVEL]
