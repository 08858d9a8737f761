"""Models that are damaged, altered, of another version or made to harm; each is asked to score twelve faces."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .case import Answer, Case, Must, refused
from .ground import Ground
from .spoil import vouch

Spoilt = Callable[[Path], object]
"""Spoils a run's model in place."""


def cases() -> Iterator[Case]:
    """All of them."""
    for name, spoil, must in _MODELS:
        yield _case(name, spoil, must)
    for name, change, words in _FACTS:
        yield _case(f"vouched for, {name}", _vouched(change), refused(*words), heavy=True)
    for name, suffix, content, must in _WEIGHTS:
        yield _weights(name, suffix, content, must)


def _case(name: str, spoil: Spoilt, must: Must, *, heavy: bool = False) -> Case:
    def make(folder: Path, ground: Ground) -> list[str | Path]:
        run, faces = ground.copy_of_run(folder), ground.strangers
        spoil(run)
        return ["score", faces, "--model", run, "--out", folder / "out", "--cache-dir", folder / "cache", "--quiet"]

    return Case("models", name, make, must, heavy)


def _tensors(change: Callable[[bytes], bytes]) -> Spoilt:
    def spoil(run: Path) -> None:
        path = run / "model.safetensors"
        path.write_bytes(change(path.read_bytes()))
        facts = run / "model.json"
        value = json.loads(facts.read_text())
        value["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        facts.write_text(json.dumps(value))

    return spoil


def _json(change: Callable[[str], str]) -> Spoilt:
    def spoil(run: Path) -> None:
        path = run / "model.json"
        path.write_text(change(path.read_text()))

    return spoil


def _fact(name: str, value: object) -> Callable[[str], str]:
    return lambda text: json.dumps(json.loads(text) | {name: value})


def _vouched(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> Spoilt:
    """A model that was made to look whole: the two files vouch for each other."""

    def spoil(run: Path) -> None:
        from safetensors.torch import load_file

        facts, tensors = json.loads((run / "model.json").read_text()), load_file(run / "model.safetensors")
        facts.pop("sha256")
        change(facts, tensors)
        vouch(run / "model.json", facts, tensors)

    return spoil


class _Harm:
    """What a pickle could do."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("pwned",))


def _unharmed(must: Must) -> Must:
    """As ``must``, and nothing that was hidden in the file has run."""

    def looked(answer: Answer) -> str | None:
        return "a pickle was run" if (answer.folder / "pwned").exists() else must(answer)

    return looked


def _unlink(name: str) -> Spoilt:
    return lambda run: (run / name).unlink()


def _header_of(length: int) -> Callable[[bytes], bytes]:
    return lambda content: struct.pack("<Q", length) + content[8:]


def _zip_of(run: Path) -> None:
    (run / "model.safetensors").unlink()
    (run / "model.safetensors").mkdir()


def _other_bytes(run: Path) -> None:
    path = run / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\1\2\3\4")


_MODELS: tuple[tuple[str, Spoilt, Must], ...] = (
    ("no model.json", _unlink("model.json"), refused("holds no model")),
    ("no model.safetensors", _unlink("model.safetensors"), refused("model.safetensors")),
    ("model.safetensors is a folder", _zip_of, refused("model.safetensors")),
    ("model.json of 0 bytes", _json(lambda _: ""), refused("model.json", "damaged")),
    ("model.json that is no JSON", _json(lambda text: text[:-40]), refused("model.json", "damaged")),
    ("model.json that is a list", _json(lambda _: "[1]"), refused("model.json", "damaged")),
    ("model.json nested 100,000 deep", _json(lambda _: "[" * 100_000), refused("model.json", "damaged")),
    ("another version", _json(_fact("model_version", 99)), refused("version 99")),
    ("a version that is a text", _json(_fact("model_version", "2")), refused("version '2'")),
    ("other classes in model.json", _json(_fact("classes", ["happy", "evil"])), refused("altered")),
    ("a fact more", _json(_fact("more", 1)), refused("altered")),
    ("tensors cut short", _tensors(lambda content: content[: len(content) // 2]), refused("no model of labelaudit")),
    ("tensors of 0 bytes", _tensors(lambda _: b""), refused("no model of labelaudit")),
    ("tensors of 7 bytes", _tensors(lambda _: b"1234567"), refused("no model of labelaudit")),
    ("a header of 2**63 bytes", _tensors(_header_of(2**63)), refused("no model of labelaudit")),
    ("a header of 99 MB", _tensors(_header_of(99_000_000)), refused("no model of labelaudit")),
    ("a header of 0 bytes", _tensors(_header_of(0)), refused("no model of labelaudit")),
    ("a pickle for tensors", _tensors(lambda _: pickle.dumps(_Harm())), _unharmed(refused("no model of labelaudit"))),
    ("a tensor with other bytes", _other_bytes, refused("altered or cut short")),
)


def _nan(facts: dict[str, Any], tensors: dict[str, Any]) -> None:
    name = next(name for name in sorted(tensors) if name.startswith("judges") and tensors[name].is_floating_point())
    tensors[name].view(-1)[0] = float("nan")


def _huge(facts: dict[str, Any], tensors: dict[str, Any]) -> None:
    name = next(name for name in sorted(tensors) if name.startswith("judges") and tensors[name].ndim == 2)
    tensors[name].fill_(1e38)


def _shape(facts: dict[str, Any], tensors: dict[str, Any]) -> None:
    name = next(name for name in sorted(tensors) if name.startswith("judges") and tensors[name].ndim == 2)
    tensors[name] = tensors[name][:, 1:].contiguous()


def _without(prefix: str) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def change(facts: dict[str, Any], tensors: dict[str, Any]) -> None:
        for name in [name for name in tensors if name.startswith(prefix)]:
            del tensors[name]

    return change


def _told(**told: object) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda facts, _tensors: facts.update(told)


def _no_landmarks(facts: dict[str, Any], tensors: dict[str, Any]) -> None:
    tensors["reference.landmarks"] = tensors["reference.landmarks"] + 10**6


def _other_shape(name: str) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def change(_facts: dict[str, Any], tensors: dict[str, Any]) -> None:
        tensors[name] = tensors[name][:0].clone()

    return change


_FIT = ("does not fit together",)
_FACTS: tuple[tuple[str, Callable[[dict[str, Any], dict[str, Any]], object], tuple[str, ...]], ...] = (
    ("NaN in a network", _nan, ("no numbers",)),
    ("weights too large for their answers", _huge, ("no numbers",)),
    ("a size below 0", _told(size=-1), _FIT),
    ("a size of 10**30", _told(size=10**30), _FIT),
    ("a calibration's power that is a list", lambda facts, _: facts["calibration"].update(power=[]), _FIT),
    ("a tensor of another shape", _shape, _FIT),
    ("no judges", _without("judges"), _FIT),
    ("no known pictures", _without("known"), _FIT),
    ("no classes", lambda facts, _tensors: facts.pop("classes"), _FIT),
    ("one class more", lambda facts, _tensors: facts["classes"].append("evil"), _FIT),
    ("classes that are a number", _told(classes=3), _FIT),
    ("a network that nobody knows", _told(trunk={"name": "evil/../../net", "size": 48}), ()),
    ("a network from the web", _told(trunk={"name": "hf-hub:evil/net", "size": 48}), ()),
    ("pictures of 10**9 pixels a side", _told(trunk={"name": "gradients", "size": 10**9}), ()),
    ("a size that is a text", _told(size="large"), _FIT),
    ("10**9 judges", _told(judges=10**9), _FIT),
    ("-1 judges", _told(judges=-1), _FIT),
    ("no heads told", lambda facts, _tensors: facts.pop("heads"), _FIT),
    ("splits that are a number", _told(splits=5), _FIT),
    ("landmarks that are not there", _no_landmarks, _FIT),
    ("components of another shape", _other_shape("components.basis"), _FIT),
    ("outliers of another shape", _other_shape("outliers.weights"), _FIT),
    ("codes of another shape", _other_shape("known.directions"), _FIT),
    ("settings that are a list", _told(settings=[1]), ("damaged",)),
)


def _weights(name: str, suffix: str, content: Callable[[], bytes], must: Must) -> Case:
    """Weights that an audit is told to start from."""

    def make(folder: Path, ground: Ground) -> list[str | Path]:
        path = folder / f"net{suffix}"
        path.write_bytes(content())
        out = ("--out", folder / "out", "--cache-dir", folder / "cache", "--quiet")
        return ["audit", ground.faces, "--weights", path, *out]

    return Case("models", f"weights: {name}", make, must)


def _safetensors(**tensors: Any) -> bytes:
    from safetensors.torch import save

    return bytes(save(tensors))


def _of_nothing() -> bytes:
    import torch

    return _safetensors(x=torch.zeros(3))


_WEIGHTS: tuple[tuple[str, str, Callable[[], bytes], Must], ...] = (
    (
        "a pickle named .safetensors",
        ".safetensors",
        lambda: pickle.dumps(_Harm()),
        _unharmed(refused("net.safetensors")),
    ),
    ("a pickle named .pth", ".pth", lambda: pickle.dumps(_Harm()), _unharmed(refused("net.pth", "code"))),
    (
        "a pickle of protocol 0 named .bin",
        ".bin",
        lambda: pickle.dumps(_Harm(), protocol=0),
        _unharmed(refused("net.bin")),
    ),
    ("an unknown ending", ".h5", lambda: b"x", refused("net.h5", ".safetensors")),
    ("0 bytes", ".pth", lambda: b"", refused("net.pth")),
    ("of no network", ".safetensors", _of_nothing, refused("net.safetensors")),
    ("a header of 2**63 bytes", ".safetensors", lambda: struct.pack("<Q", 2**63) + b"{}", refused("net.safetensors")),
)
