"""Runs hostile texts in its own process, under limits of the operating system, and reports the cost of each.

Reads `{"context": ..., "texts": [{"kind", "payload"}]}` from standard input; prints a line of JSON for each text.
"""

import json
import resource
import sys
import time

from flowbuilder.errors import LanguageError
from flowbuilder.language import Expression, Template

MEGABYTES = 1024 * 1024


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    given = json.load(sys.stdin)
    # the one-time cost of the parsers is not attributed to the first text
    Template("{% if a is defined %}{{ a if a else (b)[0] }}{% endif %}").render({"a": 1, "b": [1]})
    Expression("a == {b: 1}").evaluate({"a": 1})
    resource.setrlimit(resource.RLIMIT_AS, (2048 * MEGABYTES, 2048 * MEGABYTES))
    for item in given["texts"]:
        make = Template if item["kind"] == "template" else Expression
        before, begin, compiled = peak(), time.process_time(), 0.0
        try:
            text = make(item["payload"])
            compiled = time.process_time() - begin
            value = text.render(given["context"]) if isinstance(text, Template) else text.evaluate(given["context"])
            outcome, code, size = "ok", "", len(json.dumps(value))
        except LanguageError as error:
            outcome = "reject_at_compile" if error.stage == "compile" else "error_at_run"
            code, size = error.code, 0
        took = time.process_time() - begin
        compiled = compiled or took
        record = {"outcome": outcome, "code": code, "compile": compiled, "run": took - compiled}
        print(json.dumps({**record, "megabytes": peak() - before, "size": size}), flush=True)


if __name__ == "__main__":
    main()
