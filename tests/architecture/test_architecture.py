"""The rules of ARCHITECTURE.md, checked on the code: layers, one home for each library, light imports, small files."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("flowbuilder", "review_app")

HOMES = {
    "prefect": (
        "flowbuilder/prefect/", "flowbuilder/adapters/prefect_blocks/", "flowbuilder/flows.py",
        "flowbuilder/collection.py",
    ),
    "prefect_sqlalchemy": ("flowbuilder/adapters/prefect_blocks/blocks.py",),
    "sqlalchemy": ("flowbuilder/store/", "flowbuilder/adapters/sql/"),
    "psycopg": ("flowbuilder/store/", "flowbuilder/adapters/sql/"),
    "alembic": ("flowbuilder/store/",),
    "streamlit": ("review_app/",),
    "jinja2": ("flowbuilder/language/",),
    "lark": ("flowbuilder/language/",),
    "httpx": ("flowbuilder/adapters/", "flowbuilder/prefect/"),  # Prefect's client raises its errors
    "httpcore": ("flowbuilder/adapters/",),
    "mcp": ("flowbuilder/adapters/",),
    "pydantic_ai": ("flowbuilder/adapters/",),
    "pydantic_monty": ("flowbuilder/adapters/",),
    "trafilatura": ("flowbuilder/adapters/",),
    "selectolax": ("flowbuilder/adapters/",),
    "nh3": ("flowbuilder/adapters/", "flowbuilder/devstack/sample_site/"),
    "google": ("flowbuilder/adapters/",),
    "anyascii": ("flowbuilder/language/",),
    "icu4py": ("flowbuilder/language/",),
    "justhtml": ("flowbuilder/language/",),
    "jsonschema_rs": ("flowbuilder/json_schema.py", "flowbuilder/definition/schema_export.py"),
}  # fmt: skip
BANNED_NAMES = {"utils", "helpers", "common", "base", "core", "models", "types", "manager", "misc"}
CEILING = 300


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


@cache
def imported(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return frozenset(found)


def test_the_layers_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def runtime_imports(path: Path, names: set[str]) -> Iterator[str]:
    """The modules of the product that a file imports, in functions too; imports for type checkers do not count."""
    ahead: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while ahead:
        node = ahead.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in names else str(node.module) for name in inner)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            ahead += node.orelse
        else:
            ahead += ast.iter_child_nodes(node)


def test_no_modules_import_each_other_in_a_cycle() -> None:
    paths = {module_name(path): path for path in modules()}
    names = set(paths)
    graph = {name: (set(runtime_imports(path, names)) & names) - {name} for name, path in paths.items()}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_library_has_one_home(library: str) -> None:
    strays = [
        str(path.relative_to(ROOT))
        for path in modules()
        if library in imported(path) and not str(path.relative_to(ROOT)).startswith(HOMES[library])
    ]
    assert strays == []


def test_files_are_small_and_have_descriptive_names() -> None:
    large = {
        str(path.relative_to(ROOT)): n for path in modules() if (n := len(path.read_text().splitlines())) > CEILING
    }
    assert large == {}
    assert [path for path in modules() if path.stem in BANNED_NAMES] == []


def test_every_file_has_a_docstring() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules()
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


@pytest.mark.parametrize(
    "script",
    [
        "import flowbuilder; flowbuilder.Template; flowbuilder.load; flowbuilder.check; flowbuilder.compile_plan",
        "from flowbuilder.cli import main; main(['validate', 'deployments/workflows/decay-refresh.yaml'])",
        "from flowbuilder.cli import main; main(['explain', 'FB101'])",
    ],
)
def test_what_authors_use_imports_nothing_heavy(script: str) -> None:
    heavy = "('prefect', 'streamlit', 'mcp', 'sqlalchemy', 'pydantic_ai', 'httpx', 'trafilatura')"
    code = f"{script}\nimport sys\nfound = [name for name in {heavy} if name in sys.modules]\nassert not found, found"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_public_names_do_not_depend_on_earlier_imports() -> None:
    code = (
        "import flowbuilder.app, flowbuilder.analysis.linter, flowbuilder.definition.loader\n"
        "import flowbuilder.plan.compiler\n"
        "from flowbuilder import App, Expression, Template, check, compile_plan, load\n"
        "assert all(map(callable, (App, Expression, Template, check, compile_plan, load)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
