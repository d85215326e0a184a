"""G9: a minute of `make chaos`: real processes and all kinds of faults. `make chaos` itself lasts ten minutes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.proof import THOROUGH

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 60
ASKED = os.environ.get("CI") == "true" or os.environ.get("FLOWBUILDER_CHAOS") == "1"
ON_SQLITE = pytest.param("sqlite", marks=pytest.mark.skipif(not THOROUGH, reason="set FLOWBUILDER_PROOF=thorough"))


@pytest.mark.skipif(not ASKED, reason="takes two minutes of both cores; set FLOWBUILDER_CHAOS=1, or run `make chaos`")
@pytest.mark.alone
@pytest.mark.timeout(400)
@pytest.mark.parametrize("database", ["postgresql", ON_SQLITE])
def test_a_minute_of_chaos_loses_no_write_and_repeats_no_effect(database: str, tmp_path: Path) -> None:
    figures = tmp_path / "chaos.json"
    seed = os.environ.get("FLOWBUILDER_CHAOS_SEED", "1")
    command = ["--seconds", str(SECONDS), "--seed", seed, "--database", database, "--json", str(figures)]
    done = subprocess.run(
        [sys.executable, "-m", "chaos", *command], cwd=ROOT, capture_output=True, text=True, timeout=390, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    verdict = json.loads(figures.read_text(encoding="utf-8"))
    assert verdict["ok"]
    assert all(fault["hit"] for fault in verdict["faults"].values())
    assert len(verdict["faults"]) == (13 if database == "postgresql" else 12)
