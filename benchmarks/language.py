"""Benchmark of the language and its peers in one process: `python benchmarks/language.py [--json]`.

Peers that are not installed are listed as such; `--peers` installs them into a temporary virtual environment and runs
there. Times are the best of many repeats, taken in turns, in microseconds. Compare the ratios, not the times.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2

from flowbuilder import check, load
from flowbuilder.language import Expression, Template
from flowbuilder.language.codegen.program import EXPRESSIONS, TEMPLATES

PEERS = ("python-liquid", "cel-python", "common-expression-language", "simpleeval")

CONDITION = "steps.draft.output.score >= inputs.min_score && !(inputs.url in site.frozen_urls)"
NAMES: dict[str, Any] = {
    "steps": {"draft": {"output": {"score": 0.82}}},
    "inputs": {"min_score": 0.7, "url": "https://example.com/a"},
    "site": {"frozen_urls": ["https://example.com/x", "https://example.com/y"]},
}
PROMPT = """\
You are an editor of {{ site.name | title }}. Rewrite "{{ page.title | trim | upper }}" in {{ inputs.locale }}.
{% for row in rows %}- {{ loop.index }}. {{ row.term | lower }}: {{ row.clicks }} clicks, position \
{{ row.position | round(1) }}{% if row.clicks > 50 %} (strong){% endif %}
{% endfor %}Keep these: {{ page.tags | join(", ") }}.
"""
LIQUID_PROMPT = """\
You are an editor of {{ site.name | capitalize }}. Rewrite "{{ page.title | strip | upcase }}" in {{ inputs.locale }}.
{% for row in rows %}- {{ forloop.index }}. {{ row.term | downcase }}: {{ row.clicks }} clicks, position \
{{ row.position | round: 1 }}{% if row.clicks > 50 %} (strong){% endif %}
{% endfor %}Keep these: {{ page.tags | join: ", " }}.
"""
PAGE: dict[str, Any] = {
    "site": {"name": "acme tea"},
    "page": {"title": "  Green tea ", "tags": ["a", "b", "c"]},
    "inputs": {"locale": "de"},
    "rows": [{"term": f"Keyword {index}", "clicks": index * 7, "position": index / 3} for index in range(20)],
}

Peer = Callable[[], Any]


def native(c: dict[str, Any]) -> bool:
    """The condition in plain Python: the lower bound."""
    found: bool = c["steps"]["draft"]["output"]["score"] >= c["inputs"]["min_score"] and (
        c["inputs"]["url"] not in c["site"]["frozen_urls"]
    )
    return found


def conditions() -> dict[str, Peer | str]:
    """The condition in each language: a function to call, or the reason why there is none."""
    ours = Expression(CONDITION)
    words = CONDITION.replace("&&", "and").replace("!(", "not (")
    plain = jinja2.Environment().compile_expression(words)
    found: dict[str, Peer | str] = {
        "Python lambda": lambda: native(NAMES),
        "flowbuilder": lambda: ours.evaluate(NAMES),
        "jinja2": lambda: plain(**NAMES),
    }
    try:
        from liquid import Environment

        # Liquid has no `not`, and its `contains` has the operands reversed
        liquid = Environment().from_string(f"{{% if {words.split(' and ')[0]} %}}true{{% endif %}}")
        found["python-liquid (first half only)"] = lambda: liquid.render(**NAMES)
    except ImportError:
        found["python-liquid"] = "not installed"
    try:
        import celpy

        environment = celpy.Environment()
        program = environment.program(environment.compile(CONDITION))
        activation = {name: celpy.json_to_cel(value) for name, value in NAMES.items()}
        found["cel-python (values converted before)"] = lambda: program.evaluate(activation)
    except ImportError:
        found["cel-python"] = "not installed"
    try:
        import cel

        compiled = cel.compile(CONDITION)
        found["common-expression-language (Rust)"] = lambda: compiled.execute(NAMES)
    except ImportError:
        found["common-expression-language (Rust)"] = "not installed"
    try:
        from simpleeval import EvalWithCompoundTypes

        evaluator = EvalWithCompoundTypes(names=NAMES)
        parsed = evaluator.parse(words)
        found["simpleeval (parsed before)"] = lambda: evaluator.eval(words, previously_parsed=parsed)
    except ImportError:
        found["simpleeval"] = "not installed"
    return found


def templates() -> dict[str, Peer | str]:
    """The prompt in each template language."""
    ours, plain = Template(PROMPT), jinja2.Environment(keep_trailing_newline=True).from_string(PROMPT)
    assert ours.render(PAGE) == plain.render(PAGE)
    found: dict[str, Peer | str] = {"jinja2": lambda: plain.render(PAGE), "flowbuilder": lambda: ours.render(PAGE)}
    try:
        from liquid import Environment

        liquid = Environment().from_string(LIQUID_PROMPT)
        found["python-liquid"] = lambda: liquid.render(**PAGE)
    except ImportError:
        found["python-liquid"] = "not installed"
    return found


def in_turns(peers: dict[str, Peer | str], seconds: float = 3.0) -> dict[str, float | str]:
    """The best time of each in microseconds. They run in turns, so that other load affects all of them."""
    best: dict[str, float | str] = {}
    calls: dict[str, tuple[Peer, int]] = {}
    for name, peer in peers.items():
        if isinstance(peer, str):
            best[name] = peer
            continue
        try:
            peer()
        except Exception as error:
            best[name] = f"fails: {error}"
            continue
        # the first call compiles; so many calls after it take about half a millisecond
        count, took = 1, 0.0
        while took < 0.0005:
            count *= 2
            begin = time.perf_counter()
            for _ in range(count):
                peer()
            took = time.perf_counter() - begin
        calls[name] = (peer, count)
        best[name] = float("inf")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, (peer, count) in calls.items():
            begin = time.perf_counter()
            for _ in range(count):
                peer()
            best[name] = min(float(best[name]), (time.perf_counter() - begin) / count * 1e6)
    return best


def definition(steps: int) -> dict[str, Any]:
    """A definition with this number of steps, whose texts are all different."""
    made: list[dict[str, Any]] = [{"id": "s0", "type": "page", "url": "{{ inputs.url }}"}]
    schema = {
        "type": "object",
        "properties": {"text": {"type": "string"}, "score": {"type": "number"}},
        "required": ["text", "score"],
    }
    made.append(
        {"id": "s1", "type": "llm", "model": "m:x", "prompt": "{{ steps.s0.output.markdown }}", "output_schema": schema}
    )
    for index in range(2, steps):
        before = f"steps.s{index - 1}.output"
        made.append(
            {
                "id": f"s{index}",
                "type": "llm",
                "model": "m:x",
                "prompt": f"Rewrite {{{{ {before}.text }}}} for {{{{ inputs.url }}}}, {index} of {steps}.",
                "temperature": f"{{{{ {before}.score > 0.{index} and 0.5 or 1 }}}}",
                "output_schema": schema,
            }
        )
    outputs = {"text": f"{{{{ steps.s{steps - 1}.output.text }}}}"}
    return {
        "schema": "flowbuilder/v1",
        "name": "long",
        "inputs": {"url": {"type": "string"}},
        "steps": made,
        "outputs": outputs,
    }


def of_definition(steps: int, repeats: int = 5) -> dict[str, float]:
    """CPU milliseconds to parse the texts of a definition, to load it, to check it, and to do both."""
    document = definition(steps)
    texts = [text for step in document["steps"] for text in (step.get("prompt"), step.get("temperature")) if text]
    best = {"texts": float("inf"), "load": float("inf"), "check": float("inf"), "both": float("inf")}
    for _ in range(repeats):
        TEMPLATES.clear()
        EXPRESSIONS.clear()
        begin = time.process_time()
        for text in texts:
            Template(text)
        read = time.process_time()
        TEMPLATES.clear()
        loading = time.process_time()
        loaded, report = load(document)
        checking = time.process_time()
        assert loaded is not None
        report += check(loaded)
        end = time.process_time()
        assert report.ok, report.summary()
        for name, took in (
            ("texts", read - begin), ("load", checking - loading), ("check", end - checking), ("both", end - loading),
        ):  # fmt: skip
            best[name] = min(best[name], took * 1e3)
    return best


def table(title: str, found: dict[str, float | str], floor: str) -> str:
    """The times, and their ratios to the time of `floor`."""
    lines = [title]
    base = float(found[floor])
    for name, took in found.items():
        shown = f"{took:10.2f} us  {took / base:8.2f} x" if isinstance(took, float) else f"  {took}"
        lines.append(f"  {name:38}{shown}")
    return "\n".join(lines)


def with_peers() -> int:
    """Run again in a virtual environment with the peers."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        for peer in PEERS:
            done = subprocess.run([python, "-m", "pip", "install", "-q", peer], check=False)
            if done.returncode:
                print(f"{peer} cannot be installed here", file=sys.stderr)
        places = [place for place in sys.path if place.endswith("site-packages")] + [str(Path(__file__).parents[1])]
        arguments = [argument for argument in sys.argv[1:] if argument != "--peers"]
        code = f"import sys; sys.path += {places!r}; sys.argv = {[__file__, *arguments]!r}; "
        code += "import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"
        return subprocess.run([python, "-c", code], check=False).returncode


def main() -> int:
    """Measure and print; the exit code is 1 where a bound is exceeded."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    options.add_argument("--peers", action="store_true", help="install the peers into a temporary environment first")
    chosen = options.parse_args()
    if chosen.peers:
        return with_peers()
    condition, prompt = in_turns(conditions()), in_turns(templates())
    sizes = {steps: of_definition(steps) for steps in (200, 1_000, 4_000)}
    bounds = {
        "condition, times native": (float(condition["flowbuilder"]) / float(condition["Python lambda"]), 1.6),
        "prompt, times jinja2": (float(prompt["flowbuilder"]) / float(prompt["jinja2"]), 1 / 3),
        "200 steps, milliseconds": (sizes[200]["both"], 150.0),
        "4,000 steps, times 1,000 steps": (sizes[4_000]["both"] / sizes[1_000]["both"], 5.0),
    }
    if chosen.json:
        result = {
            "condition_us": condition,
            "prompt_us": prompt,
            "definition_ms": sizes,
            "bounds": {name: {"measured": value, "bound": bound} for name, (value, bound) in bounds.items()},
        }
        print(json.dumps(result, indent=2))
    else:
        print(table(f"the condition {CONDITION}", condition, "Python lambda"))
        print(table("the prompt with a loop of 20 rows", prompt, "jinja2"))
        print("a definition whose texts are all different, in CPU milliseconds")
        for steps, found in sizes.items():
            print(f"  {steps:5} steps: " + ", ".join(f"{name} {took:.0f}" for name, took in found.items()))
        for name, (value, bound) in bounds.items():
            print(f"{'ok  ' if value <= bound else 'MISS'} {name}: {value:.2f}, bound {bound:.2f}")
    return 0 if all(value <= bound for value, bound in bounds.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
