"""`python -m flowbuilder.devstack.sample_site --content DIR --search FILE --port N`: serve the sample site."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from flowbuilder.devstack.sample_site.site import SampleSite


def serve() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="flowbuilder.devstack.sample_site", description="Serve the sample site.")
    parser.add_argument("--content", type=Path, required=True)
    parser.add_argument("--search", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8765)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with SampleSite(content=options.content, search=options.search, port=options.port) as site:
        try:
            site.serve_forever()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    serve()
