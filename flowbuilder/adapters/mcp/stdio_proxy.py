"""Standalone proxy between an MCP client and its server: forwards lines, and ends the server if one is too long.

`python stdio_proxy.py MAX_BYTES -- COMMAND...`. The client's own buffer has no limit, and slows down as it
grows. This file is started by its path and imports nothing of flowbuilder, so it starts in a few milliseconds.
"""

import subprocess
import sys


def main() -> int:
    """Run the command; returns its exit status, 120 after a line of more than MAX_BYTES, 127 if it cannot start."""
    limit, command = int(sys.argv[1]), sys.argv[3:]
    try:
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
    except OSError as problem:
        print(f"{command[0]}: {problem.strerror}", file=sys.stderr)
        return 127
    assert child.stdout is not None
    while line := child.stdout.readline(limit + 1):
        if len(line) > limit:
            child.kill()
            print(f"a message of more than {limit} bytes", file=sys.stderr)
            return 120
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main())
