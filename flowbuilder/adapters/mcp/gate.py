"""Stands between an MCP server and its client, as a program: passes lines on, and ends both when one is too long.

`python gate.py MAX_BYTES -- COMMAND...`. The client's own buffer has no limit, and grows slower the fuller it is. This
file imports nothing of flowbuilder: it starts in a few milliseconds, by its path.
"""

import subprocess
import sys


def main() -> int:
    """Run the command; its exit status, or 120 when it was ended for a line of more than MAX_BYTES."""
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
