"""`pytest tests/unit/analysis --update` writes the expected reports of the bad cases anew; review the diff."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", default=False, help="write the expected reports anew")
