"""The rules of the house, read from the code: which room may import which, who may write, what starts quickly."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

PACKAGE = Path(importlib.util.find_spec("labelaudit").submodule_search_locations[0])  # type: ignore
MODULES = sorted(PACKAGE.rglob("*.py"))

# A room imports only from itself and from rooms above it.
ROOMS = (
    {"_version", "errors", "jsontext"},
    {"labels", "ballots", "decision"},
    {"records", "settings"},
    {"rundir", "clock", "decided", "likeness"},
    {"runstart", "checksum"},
    {"faces"},
    {"source"},
    {"pixels"},
    {"nets"},
    {"asm"},
    {"evidence"},
    {"verdict"},
    {"report"},
    {"queue"},
    {"gate"},
    {"review"},
    {"scale"},
    {"bench"},
    {"inspection", "conclude"},
    {"pipeline", "scoring"},
    {"__init__"},
    {"cli"},
    {"__main__"},
)
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}

TORCH = {"torch", "torchvision", "accelerate", "timm"}
TORCH_ROOMS = {"pixels", "nets", "asm", "evidence", "scale"}
SLOW = {"torch", "torchvision", "accelerate", "timm", "pandas", "sklearn", "scipy", "datasets", "matplotlib", "jinja2"}

WRITERS = ("write_", "save_", "build_", "apply_")
WRITING_METHODS = {
    "write_text",
    "write_bytes",
    "write_table",
    "to_parquet",
    "to_csv",
    "save_file",
    "savefig",
}
# The tools that those functions write with.
WRITING_TOOLS = {("rundir.py", "written_aside"), ("rundir.py", "locked")}

MACHINE_PATH = re.compile(r"""["'](?:/(?:home|root|work|mnt|Users|opt|tmp|srv|data)/|[A-Z]:\\)""")

each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=path.name)


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def _imported(path: Path) -> Iterator[str]:
    """Full names of every module that a file imports, wherever in the file it does."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno} imports relatively; write the full name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _calls(node: ast.AST, inside: str = "") -> Iterator[tuple[ast.Call, str]]:
    """Every call with the name of the outermost function that holds it."""
    for child in ast.iter_child_nodes(node):
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        if isinstance(child, ast.Call):
            yield child, inside
        yield from _calls(child, child.name if is_function and not inside else inside)


def _opens_to_write(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Attribute) and call.func.attr in WRITING_METHODS:
        return True
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name != "open":
        return False
    position = 1 if isinstance(call.func, ast.Name) else 0
    modes = [*call.args[position : position + 1], *(word.value for word in call.keywords if word.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in modes)


@each_module
def test_a_room_imports_only_rooms_above_it(path: Path) -> None:
    room = _room(path)
    assert room in FLOOR, f"{room} stands on no floor; give it one in ROOMS"
    for name in _imported(path):
        package, *below = name.split(".")
        if package == "labelaudit":
            other = below[0] if below and below[0] in FLOOR else "__init__"
            assert other == room or FLOOR[other] < FLOOR[room], f"{room} imports {name}, which is not above it"


@each_module
def test_torch_stays_in_its_rooms(path: Path) -> None:
    if _room(path) not in TORCH_ROOMS:
        assert not {name.split(".")[0] for name in _imported(path)} & TORCH


@each_module
def test_only_the_commands_print(path: Path) -> None:
    if _room(path) != "cli":
        printing = [
            call.lineno
            for call, _ in _calls(_tree(path))
            if isinstance(call.func, ast.Name) and call.func.id == "print"
        ]
        assert not printing


@each_module
def test_only_functions_that_say_so_write(path: Path) -> None:
    for call, function in _calls(_tree(path)):
        if _opens_to_write(call) and (path.name, function) not in WRITING_TOOLS:
            assert function.lstrip("_").startswith(WRITERS), f"line {call.lineno}: {function} writes, its name does not"


@each_module
def test_every_module_says_what_it_is_and_is_short(path: Path) -> None:
    assert ast.get_docstring(_tree(path))
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@each_module
def test_no_module_knows_a_machine(path: Path) -> None:
    assert not MACHINE_PATH.findall(path.read_text(encoding="utf-8"))


def test_the_rules_can_be_broken() -> None:
    """The helpers above see what they are meant to see."""
    source = "def load(p):\n    def inner():\n        open(p, 'rb')\n        p.open('w')\n        open(p, mode='ab')\n"
    seen = [(call.lineno, function) for call, function in _calls(ast.parse(source)) if _opens_to_write(call)]
    assert seen == [(4, "load"), (5, "load")]
    assert MACHINE_PATH.search("cache = '/home/me/cache'")
    assert not MACHINE_PATH.search("page = '/data-card'")


def _loaded_after(code: str) -> set[str]:
    """Top-level packages in memory after some code ran in a fresh interpreter."""
    ending = "import sys, json; json.dump(sorted({name.split('.')[0] for name in sys.modules}), sys.stderr)"
    run = subprocess.run([sys.executable, "-c", f"{code}\n{ending}"], capture_output=True, text=True, check=True)
    return set(json.loads(run.stderr))


def test_importing_the_package_is_quick() -> None:
    loaded = _loaded_after("import labelaudit")
    assert "labelaudit" in loaded
    assert not loaded & SLOW


def test_help_is_quick() -> None:
    code = (
        "import sys; sys.argv = ['labelaudit', '--help']\n"
        "from labelaudit.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code in (0, None), end.code"
    )
    loaded = _loaded_after(code)
    assert "typer" in loaded
    assert not loaded & SLOW


def test_every_public_name_resolves() -> None:
    checked = 0
    for path in MODULES:
        if any(isinstance(node, ast.Name) and node.id == "__all__" for node in ast.walk(_tree(path))):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
            for name in module.__all__:
                assert getattr(module, name) is not None, f"{module.__name__}.{name}"
            assert len(set(module.__all__)) == len(module.__all__)
            checked += 1
    assert checked


def test_every_command_shows_an_example() -> None:
    app = importlib.import_module("labelaudit.cli.app").app
    commands = typer.main.get_command(app).commands
    assert {"audit", "demo", "inspect"} <= set(commands)
    for name in commands:
        shown = CliRunner().invoke(app, [name, "--help"])
        assert shown.exit_code == 0, name
        assert "Example" in shown.output, f"labelaudit {name} --help has no example"


def test_no_two_test_files_share_a_name() -> None:
    """pytest imports test files by their name alone and refuses a second of the same."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
