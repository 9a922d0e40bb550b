"""The house's imports point one way, and the core is pure (sections 1 and 9 of the design).

The checker reads source with `ast`; it imports nothing. What it cannot see: I/O behind a library's own function.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "parivision_assets"

LAYERS = {
    "core": set(),
    "sources": {"core"},
    "stores": {"settings", "core"},
    "quality": {"core"},
    "pictures": {"core"},
    "serving": {"stores", "core"},
    "settings": {"core"},
    "defs": {"sources", "stores", "quality", "serving", "pictures", "settings", "core"},
    "definitions": {"defs", "sources", "stores", "quality", "serving", "settings", "core"},
    "errors": {"sources", "stores", "core"},
    "commands": {
        "errors",
        "definitions",
        "defs",
        "sources",
        "stores",
        "quality",
        "serving",
        "pictures",
        "settings",
        "core",
    },
    "cli": {"commands", "errors", "definitions", "defs", "sources", "stores", "quality", "serving", "settings", "core"},
    "app": {"serving", "stores", "settings", "core"},
}
"""Who may import whom besides itself. `pictures` draws; `commands` and `errors` are the command line's helpers.

Settings are declared in one module that whoever opens the stores receives; it imports no more than the core.
"""

BEYOND = {"app.bets": {"sources"}}
"""What single packages may import besides: VirtualBets publishes a feed (docs/decisions/0017)."""

FOREIGN_TO_CORE = {
    # frameworks
    "alembic", "dagster", "dagster_mlflow", "evidently", "fastapi", "fsspec", "gradio", "great_expectations",
    "httpx", "mlflow", "nba_api", "pydantic_settings", "requests", "rich", "sqlalchemy", "starlette", "typer",
    "urllib3", "uvicorn",
    # the world outside: files, clock, environment, processes, network, chance without a seed
    "asyncio", "filelock", "glob", "http", "logging", "multiprocessing", "os", "pathlib", "platform", "random",
    "secrets", "shutil", "signal", "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "urllib",
    "uuid",
    # stored objects that run code when loaded
    "joblib", "pickle",
}  # fmt: skip

HEAVY = {"dagster_mlflow", "evidently", "gradio", "great_expectations", "mlflow"}
"""Imported inside the functions that use them, so that `parivision --help` stays quick (section 1)."""

ONLY_IN = {"great_expectations": {"quality"}, "evidently": {"quality"}, "gradio": {"app"}, "fastapi": {"app"}}
DAGSTER_HOMES = {"defs", "definitions", "commands", "cli"}
CLOCK_CALLS = {"now", "utcnow", "today"}
FILE_CALLS = {"open", "print", "input"}
SEEDED_RANDOM = {"default_rng", "Generator", "SeedSequence", "PCG64", "BitGenerator"}


def layer_of(module: str) -> str:
    """Return the layer of a dotted module name: its second part in the package, or `app`."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == PACKAGE else first


def beyond(module: str) -> set[str]:
    """Return the layers that a module's package may import besides those of its own layer."""
    return {layer for package, found in BEYOND.items() if f"{module}.".startswith(f"{package}.") for layer in found}


def is_ours(module: str) -> bool:
    """Return whether a module belongs to one of the checked layers."""
    return module.partition(".")[0] == "app" or (module.startswith(f"{PACKAGE}.") and layer_of(module) in LAYERS)


def imports(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything imported, relative imports resolved, submodules spelled out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + (1 if is_package else 0)]
                base = ".".join([*parts, base] if base else parts)
            # `from parivision_assets import core` names the layer in the alias.
            yield from ((node.lineno, f"{base}.{alias.name}" if base == PACKAGE else base) for alias in node.names)


def eager(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements that run when the module is imported, leaving out `if TYPE_CHECKING:` blocks."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.stmt):
            yield node
        waiting += ast.iter_child_nodes(node)


def violations(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Return every broken rule of one module as `module:line: what`, in the order of lines."""
    tree, layer = ast.parse(source), layer_of(module)
    found = [*_arrows(tree, module, layer, is_package=is_package), *_heavy(tree, module), *_environment(tree, layer)]
    if layer == "core":
        found += _impurities(tree)
    return [f"{module}:{line}: {what}" for line, what in sorted(set(found))]


def _arrows(tree: ast.Module, module: str, layer: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    for line, name in imports(tree, module, is_package=is_package):
        top = name.partition(".")[0]
        if is_ours(name):
            if layer_of(name) != layer and layer_of(name) not in LAYERS[layer] | beyond(module):
                yield line, f"{layer} imports {layer_of(name)} ({name})"
        elif top == f"{PACKAGE}_tests":
            yield line, f"{layer} imports the tests"
        elif layer == "core" and top in FOREIGN_TO_CORE:
            yield line, f"core imports {top}"
        elif top in ONLY_IN and layer not in ONLY_IN[top]:
            yield line, f"{layer} imports {top}, which belongs in {', '.join(ONLY_IN[top])}"
        elif top == "dagster" and layer not in DAGSTER_HOMES:
            yield line, f"{layer} imports dagster, which belongs in defs"


def _heavy(tree: ast.Module, module: str) -> Iterator[tuple[int, str]]:
    for node in eager(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for line, name in imports(ast.Module([node], []), module, is_package=False):
                if name.partition(".")[0] in HEAVY:
                    yield line, f"{name} is heavy: import it inside the function that uses it"


def _environment(tree: ast.Module, layer: str) -> Iterator[tuple[int, str]]:
    if layer == "settings":
        return
    allowed = {id(node.value) for node in ast.walk(tree) if _is_written(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            allowed |= {id(value) for key, value in zip(node.keys, node.values, strict=True) if key is None}
    for node in ast.walk(tree):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in {"environ", "getenv"} and id(node) not in allowed:
            yield node.lineno, "only settings.py reads the environment"


def _is_written(node: ast.AST) -> bool:
    """Return whether the node is `os.environ[…] = …` or `os.environ.setdefault(…)`/`.update(…)`/`.pop(…)`."""
    if isinstance(node, ast.Subscript):
        return not isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.Attribute) and node.attr in {"setdefault", "update", "pop"}


def _impurities(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in FILE_CALLS:
            yield node.lineno, f"core calls {called.id}()"
        elif isinstance(called, ast.Attribute):
            owner = ast.unparse(called.value)
            if called.attr in CLOCK_CALLS and ("date" in owner.lower() or owner == "dt"):
                yield node.lineno, f"core reads the clock with {owner}.{called.attr}()"
            elif called.attr == "default_rng" and not (node.args or node.keywords):
                yield node.lineno, "core draws without a seed"
            elif owner.endswith("random") and called.attr not in SEEDED_RANDOM:
                yield node.lineno, f"core draws from the shared generator with {owner}.{called.attr}()"
            elif called.attr.startswith(("scan_", "sink_")):
                yield node.lineno, f"core reads or writes files with {called.attr}()"


def house() -> list[tuple[str, Path]]:
    """Return (dotted module, file) for every source file of the package and the app."""
    files = sorted([*(ROOT / PACKAGE).rglob("*.py"), *(ROOT / "app").rglob("*.py")])
    found = []
    for file in files:
        parts = file.relative_to(ROOT).with_suffix("").parts
        found.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), file))
    return [(module, file) for module, file in found if module != PACKAGE]


def test_every_module_lies_in_a_known_layer():
    strangers = [module for module, _ in house() if layer_of(module) not in LAYERS]
    assert not strangers, f"no layer of the design holds {strangers}; add one here only with the design"


def test_the_house_keeps_its_arrows():
    broken = [
        text
        for module, file in house()
        if layer_of(module) in LAYERS
        for text in violations(file.read_text(encoding="utf-8"), module, is_package=file.name == "__init__.py")
    ]
    assert not broken, "\n".join(broken)


def test_the_checker_reads_the_real_house():
    modules = {module for module, _ in house()}
    assert {"parivision_assets.core.promotion", "parivision_assets.stores.ledger"} <= modules
    seen = {
        layer_of(name)
        for module, file in house()
        for _, name in imports(ast.parse(file.read_text(encoding="utf-8")), module, is_package=False)
        if is_ours(name)
    }
    assert {"core", "stores"} <= seen


@pytest.mark.parametrize(
    ("module", "source", "words"),
    [
        ("parivision_assets.core.x", "import dagster as dg", "core imports dagster"),
        ("parivision_assets.core.x", "def f():\n    import mlflow.entities", "core imports mlflow"),
        ("parivision_assets.core.league.x", "from parivision_assets.stores import ledger", "core imports stores"),
        ("parivision_assets.core.x", "from parivision_assets import sources", "core imports sources"),
        ("parivision_assets.core.x", "from ..stores.ledger import Ledger", "core imports stores"),
        ("parivision_assets.core.x", "import os", "core imports os"),
        ("parivision_assets.core.x", "from time import perf_counter", "core imports time"),
        ("parivision_assets.core.x", "from datetime import datetime\nx = datetime.now()", "reads the clock"),
        ("parivision_assets.core.x", "import datetime as dt\nx = dt.date.today()", "reads the clock"),
        ("parivision_assets.core.x", "def f():\n    return open('a').read()", "core calls open"),
        ("parivision_assets.core.x", "import numpy as np\nr = np.random.default_rng()", "without a seed"),
        ("parivision_assets.core.x", "import numpy as np\nr = np.random.normal(size=3)", "shared generator"),
        ("parivision_assets.core.x", "import polars as pl\nr = pl.scan_parquet('a')", "scan_parquet"),
        ("parivision_assets.stores.x", "from parivision_assets.serving import predictor", "stores imports serving"),
        ("parivision_assets.stores.x", "import parivision_assets.defs.raw", "stores imports defs"),
        ("parivision_assets.sources.x", "from parivision_assets.stores import landing", "sources imports stores"),
        ("parivision_assets.serving.x", "import dagster", "belongs in defs"),
        ("parivision_assets.serving.x", "import fastapi", "belongs in app"),
        ("parivision_assets.stores.x", "def f():\n    import evidently", "belongs in quality"),
        ("parivision_assets.quality.x", "import great_expectations", "is heavy"),
        ("parivision_assets.stores.x", "try:\n    import mlflow\nexcept ImportError:\n    raise", "is heavy"),
        ("parivision_assets.defs.x", "from app.api import create_app", "defs imports app"),
        ("parivision_assets.defs.x", "import os\nhome = os.environ['HOME']", "reads the environment"),
        ("parivision_assets.stores.x", "from os import getenv\nhome = getenv('HOME')", "reads the environment"),
        ("parivision_assets.stores.x", "from parivision_assets_tests import conftest", "imports the tests"),
        ("app.api.x", "from parivision_assets.defs import raw", "app imports defs"),
        ("app.api.x", "from parivision_assets.sources import archives", "app imports sources"),
        ("app.betsy", "from parivision_assets.sources import archives", "app imports sources"),
        ("app.bets.feed", "from parivision_assets.defs import raw", "app imports defs"),
    ],
)
def test_the_checker_catches_a_planted_violation(module, source, words):
    found = violations(source, module)
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("parivision_assets.core.x", "import io\nimport numpy as np\nr = np.random.default_rng(3)"),
        ("parivision_assets.core.x", "from datetime import date\nd = date(2021, 1, 1)"),
        ("parivision_assets.core.league", "from .draws import draw\nfrom parivision_assets.core import court"),
        ("parivision_assets.stores.x", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import mlflow"),
        ("parivision_assets.stores.x", "def f():\n    import mlflow"),
        ("parivision_assets.stores.x", "class A:\n    def f(self):\n        import mlflow"),
        ("parivision_assets.defs.x", "import dagster as dg\nfrom parivision_assets.stores import tables"),
        ("parivision_assets.defs.x", "import os\nos.environ['MLFLOW_DISABLE_TELEMETRY'] = 'true'"),
        ("parivision_assets.commands.x", "import os\nchild = {**os.environ, 'A': '1'}"),
        ("parivision_assets.settings", "import os\nhome = os.environ['HOME']"),
        ("app.web.x", "from parivision_assets.serving import predictor"),
        ("app.bets", "from parivision_assets.sources import publication"),
        ("app.bets.feed", "from parivision_assets.sources import publication"),
    ],
)
def test_the_checker_lets_honest_code_pass(module, source):
    assert violations(source, module, is_package=module.endswith("league")) == []
