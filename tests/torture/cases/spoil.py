"""Ways to spoil a file: bytes anywhere, values of JSON, tensors and facts of a model that vouch for each other."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Spoil = Callable[[Path, random.Random], None]
"""Changes a file in place."""

_PIECES = (
    *(b"", b",", b'"', b"'", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b" ", b"\t", b";"),
    *(b"{", b"[", b"]", b"}", b"<", b">", b"&", b"#", b"=", b"\\", b"\\ud800", b"%", b"<!DOCTYPE x>", b"-", b"."),
    *(b"1e309", b"inf", b"nan", b"-1", b"0", b"9" * 25, b"../../x", b"/etc/passwd", b"null", b"true", b"A" * 3_000),
    *(b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"[" * 3_000),
)
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 7, 2**31, 2**63, 2**64, 10**30, 1.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "x", "happy", "\0", "\ud800", "../../x", "=1+1", "9" * 5_000, "2026-01-01T00:00:00Z", "ä\n"),
    *([], {}, [[]], [None], ["x"], [1, 2], {"x": 1}, {"": None}, [{}], [[[[[]]]]]),
)
"""Values that stand where another kind is looked for."""


def spoil_bytes(path: Path, chance: random.Random) -> None:
    """Cuts, repeats, replaces and flips a few places of a file."""
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        start = chance.randrange(min(len(content), chance.choice((64, 600, len(content) or 1))) + 1)
        end = start + chance.choice((0, 1, 1, 2, 4, 8, 40, 400))
        match chance.randrange(6):
            case 0:
                del content[start:]
            case 1:
                content[start:end] = content[start:end] * chance.choice((2, 3, 50))
            case 2 if content:
                place = min(start, len(content) - 1)
                content[place] ^= 1 << chance.randrange(8)
            case 3 if content:
                other = chance.randrange(len(content))
                content[start:end] = content[other : other + end - start]
            case _:
                content[start:end] = chance.choice(_PIECES)
    path.write_bytes(content)


def spoil_json(path: Path, chance: random.Random) -> None:
    """Replaces, removes or adds a value or two of a JSON document, or of a line of JSON lines."""
    if path.suffix == ".jsonl":
        lines = path.read_text(encoding="utf-8").splitlines()
        row = chance.choice([number for number, line in enumerate(lines) if line.strip()])
        lines[row] = json.dumps(other_value(json.loads(lines[row]), chance))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        path.write_text(json.dumps(other_value(json.loads(path.read_text(encoding="utf-8")), chance)), encoding="utf-8")


def other_value(value: Any, chance: random.Random) -> Any:
    """A JSON value with one or two places changed."""
    value = copy.deepcopy(value)
    for _ in range(chance.choice((1, 1, 2))):
        places = list(_places(value))
        if not places:
            return copy.deepcopy(chance.choice(ODD))
        holder, key = chance.choice(places)
        match chance.randrange(8):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.append(copy.deepcopy(chance.choice(ODD)))
            case 2 if isinstance(holder, dict):
                holder[f"{key}2"] = holder.pop(key)
            case _:
                holder[key] = copy.deepcopy(chance.choice(ODD))
    return value


def spoil_model(path: Path, chance: random.Random) -> None:
    """Changes a fact of ``model.json`` or a tensor beside it, and has both files vouch for each other again."""
    import torch
    from safetensors.torch import load_file

    tensors_file = path.with_name("model.safetensors")
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts.pop("sha256")
    tensors = load_file(tensors_file)
    if chance.random() < 0.6:
        facts = other_value(facts, chance)
    else:
        name = chance.choice(sorted(tensors))
        tensor = tensors[name]
        match chance.randrange(7):
            case 0:
                del tensors[name]
            case 1:
                tensors[name] = tensor.reshape(-1).clone()
            case 2:
                tensors[name] = tensor[:0].clone() if tensor.ndim else tensor.reshape(1)
            case 3:
                tensors[name] = tensor.to(chance.choice((torch.float64, torch.int64, torch.uint8, torch.bool)))
            case 4:
                tensors[f"{name}.more"] = tensors.pop(name)
            case 5:
                tensors[name] = torch.cat([tensor, tensor]) if tensor.ndim else tensor.repeat(2)
            case _:
                tensors[name] = torch.full_like(tensor, chance.choice((0, 1, 100)))
    vouch(path, facts, tensors)


def vouch(path: Path, facts: Any, tensors: dict[str, Any]) -> None:
    """Writes both files of a model so that each names the other by its hash, as an audit does."""
    from safetensors.torch import save

    told = json.dumps(facts, sort_keys=True, ensure_ascii=False).encode(errors="surrogatepass")
    content = save(tensors, metadata={"facts_sha256": hashlib.sha256(told).hexdigest()})
    path.with_name("model.safetensors").write_bytes(content)
    named = {"sha256": hashlib.sha256(content).hexdigest()}
    path.write_text(json.dumps(named | facts if isinstance(facts, dict) else facts), encoding="utf-8")


def _places(value: Any) -> Any:
    """Every place of a nested value, as its holder and its key there."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])
