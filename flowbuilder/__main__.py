"""`python -m flowbuilder` is the command `flowbuilder`."""

import sys

from flowbuilder.cli import main

if __name__ == "__main__":
    sys.exit(main())
