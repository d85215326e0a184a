"""Cron lines, as Prefect reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

_FIELD = r"[0-9A-Za-z*/,\-#L?]+"
_FIVE_FIELDS = re.compile(rf"{_FIELD}( {_FIELD}){{4}}")
EXAMPLE = 'five fields: minute, hour, day of month, month, day of week, such as "0 6 * * 1" for Mondays at 6'


def cron_problem(line: str) -> tuple[str, str] | None:
    """Why Prefect would refuse a schedule with this line or never run it, with a hint; None where it would run it."""
    words = " ".join(line.split())
    if not _FIVE_FIELDS.fullmatch(words):
        return f"{line!r:.80} is not a cron line", EXAMPLE
    croniter = _croniter()
    if not croniter.is_valid(words) or re.search(r"\b[rh]\b", words, re.IGNORECASE):
        return f"{line!r:.80} is not a cron line", EXAMPLE
    try:
        croniter(words, datetime.now(UTC)).get_next()
    except ValueError:  # no date within 50 years
        return f"{line!r:.80} is a day that does not come, so it never runs", "correct the day or the month"
    return None


@cache
def _croniter() -> Any:
    """The parser in Prefect, loaded without the rest of Prefect, which takes a second. No other parser accepts the same
    lines: cronsim, for one, refuses `0 22-6 * * *`."""
    prefect = find_spec("prefect")
    assert prefect is not None
    assert prefect.origin is not None
    file = Path(prefect.origin).parent / "_vendor" / "croniter" / "croniter.py"
    spec = spec_from_file_location("flowbuilder_croniter", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.croniter
