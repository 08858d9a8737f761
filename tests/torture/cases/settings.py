"""Settings files with values that are out of range, unknown, of another kind, or no TOML at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .case import Case, Must, refused
from .ground import Ground


def cases() -> Iterator[Case]:
    """All of them."""
    for name, content, words in _FILES:
        yield _case(name, content, refused(*words))
    yield Case("settings", "no such file", _missing, refused("none.toml", "No such file"))
    yield Case("settings", "a folder", _folder, refused("cannot read settings"))
    for name, flags, words in _FLAGS:
        yield _flags(name, flags, refused(*words))


def _audit(ground: Ground, folder: Path, *flags: str | Path) -> list[str | Path]:
    return ["audit", ground.faces, "--out", folder / "out", "--cache-dir", folder / "cache", "--quiet", *flags]


def _case(name: str, content: str | bytes, must: Must) -> Case:
    def make(folder: Path, ground: Ground) -> list[str | Path]:
        path = folder / "audit.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return _audit(ground, folder, "--config", path)

    return Case("settings", name, make, must)


def _flags(name: str, flags: tuple[str, ...], must: Must) -> Case:
    return Case("settings", name, lambda folder, ground: _audit(ground, folder, *flags), must)


def _missing(folder: Path, ground: Ground) -> list[str | Path]:
    return _audit(ground, folder, "--config", folder / "none.toml")


def _folder(folder: Path, ground: Ground) -> list[str | Path]:
    return _audit(ground, folder, "--config", folder)


_FILES: tuple[tuple[str, str | bytes, tuple[str, ...]], ...] = (
    ("broken TOML", "[audit\nseed = 3", ("not TOML", "line 1")),
    ("TOML that is not UTF-8", b"[audit]\nx = '\xff'", ("not TOML",)),
    ("0 bytes", "", ("no table [audit]",)),
    ("another table", "[audits]\nseed = 3", ("no table [audit]",)),
    ("audit is a number", "audit = 3", ("no table [audit]",)),
    ("an unknown key", "[audit]\nsede = 3", ("unknown setting sede", "did you mean seed")),
    ("an unknown key of a group", "[audit.asm]\nepoch = 3", ("unknown setting asm.epoch", "did you mean asm.epochs")),
    ("an unknown group", "[audit.net]\nsize = 3", ("unknown setting net", "did you mean nets")),
    ("a group that is a number", "[audit]\nasm = 3", ("asm is a group of settings",)),
    ("a setting that is a group", "[audit.seed]\nx = 3", ("seed must be int",)),
    ("a text for a number", '[audit]\nseed = "3"', ("seed must be int", "'3'")),
    ("a number for a text", "[audit]\ndevice = 3", ("device must be str",)),
    ("true for a number", "[audit]\nseed = true", ("seed must be int",)),
    ("a seed below 0", "[audit]\nseed = -1", ("seed must be between 0",)),
    ("a seed of 40 digits", f"[audit]\nseed = {'9' * 40}", ("seed must be between 0",)),
    ("51 folds", "[audit]\nfolds = 51", ("folds must be between 1 and 50",)),
    ("a scale above 1", "[audit.asm]\nclean_scale = 1.5", ("clean_scale must be between",)),
    ("a scale that is NaN", "[audit.asm]\nclean_scale = nan", ("clean_scale must be between",)),
    ("a learning rate that is infinite", "[audit.asm]\nlearning_rate = inf", ("learning_rate must be between",)),
    ("noisy above clean", "[audit.asm]\nclean_scale = 0.3\nnoisy_scale = 0.4", ("must be below",)),
    ("an effort that is none", '[audit]\neffort = "huge"', ("effort must be one of", "'huge'")),
    ("an effort that is a list", "[audit]\neffort = []", ("effort must be one of",)),
    ("a date for a number", "[audit]\nfolds = 2026-01-31", ("folds must be int",)),
    ("nested 3,000 deep", "[audit]\nx = " + "[" * 3_000 + "]" * 3_000, ("audit.toml",)),
)

_FLAGS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("--seed -1", ("--seed", "-1"), ("seed must be between 0",)),
    ("--backbone that is none", ("--backbone", "resnet81"), ("unknown backbone", "did you mean")),
    ("--backbone from the web", ("--backbone", "hf-hub:evil/net"), ("unknown backbone",)),
    ("--device that is none", ("--device", "quantum"), ("quantum",)),
    ("--weights that is not there", ("--weights", "none.pth"), ("no weights file",)),
    ("--label-map without a name", ("--label-map", "happy"), ("--label-map",)),
    ("--label-map of a label that is not there", ("--label-map", "x=y"), ("--label-map names no label",)),
    ("--label-map that is no JSON", ("--label-map", "audit.json"), ("--label-map audit.json",)),
    ("--format that is none", ("--format", "foldr"), ("did you mean 'folder'",)),
    ("--split that is none", ("--split", "train"), ("train",)),
)
