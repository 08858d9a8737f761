"""No pickle on a read path, read from the code: whoever writes a file that labelaudit reads cannot have code run.

What can unpickle is not referred to at all, or called with the keyword that keeps it from unpickling. The one word of
``pickle`` that may stand is its error, which PyTorch raises for a file that it refuses.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_house import each_module

LOADERS = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "shelve"}
"""Modules of which nothing may be used."""
ALLOWED = {"pickle", "pickle.UnpicklingError"}

REFUSED = {
    "numpy.lib.format.read_array",
    "pandas.read_pickle",
    "read_pickle",
    "torch.hub.load",
    "torch.jit.load",
    "torch.package.PackageImporter",
    "yaml.full_load",
    "yaml.load",
    "yaml.load_all",
    "yaml.unsafe_load",
}
"""Functions that run what a file says."""

TOLD = {
    "torch.load": "weights_only",
    "torch.hub.load_state_dict_from_url": "weights_only",
    "get_state_dict": "weights_only",
}
"""Functions, and methods of whatever it is, that unpickle unless this keyword is given."""

SAFE = {"allow_pickle": False, "pretrained": False, "trust_remote_code": False, "weights_only": True}
"""Keywords of any call, and the only value that may be written there."""


def _imports(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Every import: its line, the name that it gives, and what that stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                yield node.lineno, alias.asname or whole, whole
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, alias.asname or alias.name, f"{node.module}.{alias.name}"


def _full_name(node: ast.AST, names: dict[str, str]) -> str:
    """What ``np.load`` or ``load`` stands for; of what a value has, its attributes alone."""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute):
        before = _full_name(node.value, names)
        return f"{before}.{node.attr}" if before else node.attr
    return ""


def _may_unpickle(name: str) -> bool:
    return name in REFUSED or (name.partition(".")[0] in LOADERS and name not in ALLOWED)


def _must_be_told(name: str) -> str | None:
    """The keyword without which a function unpickles; None of any other function."""
    return TOLD.get(name) or TOLD.get(name.rpartition(".")[2])


def _words(call: ast.Call, name: str) -> Iterator[str]:
    """What a call is told, or not told, that lets it unpickle."""
    told = {word.arg: word.value for word in call.keywords}
    for word, value in told.items():
        if word in SAFE and not (isinstance(value, ast.Constant) and value.value is SAFE[word]):
            yield f"{name}({word}={ast.unparse(value)})"
    if name == "numpy.load" and len(call.args) > 2:  # the third is allow_pickle
        yield "numpy.load by position"


def unsafe(source: str) -> list[tuple[int, str]]:
    """Line and name of everything in a module that could unpickle."""
    tree = ast.parse(source)
    imported = list(_imports(tree))
    names = {name: whole for _, name, whole in imported}
    found = {(line, whole) for line, _, whole in imported if _may_unpickle(whole)}
    safely_called: set[ast.AST] = set()
    for node in ast.walk(tree):  # a call comes before the name that it calls
        if isinstance(node, ast.Call):
            name = _full_name(node.func, names)
            found |= {(node.lineno, word) for word in _words(node, name)}
            if _must_be_told(name) in {word.arg for word in node.keywords}:
                safely_called.add(node.func)
        elif isinstance(node, ast.Name | ast.Attribute):
            name = _full_name(node, names)
            if _may_unpickle(name) or (_must_be_told(name) and node not in safely_called):
                found.add((node.lineno, name))
    return sorted(found)


@each_module
def test_nothing_that_is_read_is_unpickled(path: Path) -> None:
    assert unsafe(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("import pickle\npickle.load(file)", (2, "pickle.load")),
        ("import pickle as p\nf = p.Unpickler", (2, "pickle.Unpickler")),
        ("from pickle import loads", (1, "pickle.loads")),
        ("import joblib", (1, "joblib")),
        ("def f():\n    import dill", (2, "dill")),
        ("import torch\ntorch.load(file)", (2, "torch.load")),
        ("import torch\ntorch.load(file, **options)", (2, "torch.load")),
        ("import torch\ntorch.load(file, weights_only=False)", (2, "torch.load(weights_only=False)")),
        ("import torch\ntorch.load(file, weights_only=safe)", (2, "torch.load(weights_only=safe)")),
        ("from torch import load as read\nmap(read, files)", (2, "torch.load")),
        ("from torch import hub\nhub.load_state_dict_from_url(url)", (2, "torch.hub.load_state_dict_from_url")),
        ("import torch.hub\ntorch.hub.load(name)", (2, "torch.hub.load")),
        ("choice().get_state_dict(progress=False)", (1, "get_state_dict")),
        ("entry.get_state_dict(progress=False)", (1, "get_state_dict")),
        ("import numpy as np\nnp.load(file, allow_pickle=True)", (2, "numpy.load(allow_pickle=True)")),
        ("import numpy as np\nnp.load(file, None, True)", (2, "numpy.load by position")),
        ("import timm\ntimm.create_model(name, pretrained=True)", (2, "timm.create_model(pretrained=True)")),
        ("import pandas as pd\npd.read_pickle(file)", (2, "pandas.read_pickle")),
        ("module.read_pickle(file)", (1, "read_pickle")),
        ("import yaml\nyaml.load(file, Loader=yaml.Loader)", (2, "yaml.load")),
    ],
)
def test_the_rule_can_be_broken(source: str, seen: tuple[int, str]) -> None:
    assert seen in unsafe(source)


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\ntry:\n    pass\nexcept pickle.UnpicklingError:\n    pass",
        "import torch\ntorch.load(file, weights_only=True)",
        "from safetensors.torch import load\nload(content)",
        "import numpy as np\nnp.load(file, mmap_mode='r')\nnp.load(file, allow_pickle=False)",
        "import yaml\nyaml.safe_load(text)",
        "import json\njson.load(file)\nimage.load()",
        "entry.get_state_dict(check_hash=True, weights_only=True)",
    ],
)
def test_what_is_safe_may_stand(source: str) -> None:
    assert unsafe(source) == []
