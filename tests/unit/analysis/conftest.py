"""`pytest tests/unit/analysis --update` writes the reports beside the bad cases anew; look at what git says of them then."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", default=False, help="write the expected reports anew")
