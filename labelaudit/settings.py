"""Everything a person can set about an audit: frozen, validated, read from a TOML file and then from flags.

``None`` means "decide when device, weights and dataset are known"; what was decided is printed and stored.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from labelaudit.errors import SettingsError


class Effort(StrEnum):
    """How much work an audit may be: minutes on a laptop, the default of a GPU, or everything."""

    QUICK = "quick"
    STANDARD = "standard"
    THOROUGH = "thorough"


class Training(StrEnum):
    """What of the network learns from the user's labels."""

    FROZEN = "frozen"
    """The trunk stays as it came; the peers are heads on its cached features."""
    FINE_TUNE = "fine-tune"
    """The whole network learns."""


class ThresholdKind(StrEnum):
    """Where an epoch's two thresholds come from."""

    ADAPTIVE = "adaptive"
    FIXED = "fixed"


class Reduction(StrEnum):
    """What a subset's loss is averaged over."""

    BATCH = "batch"
    SUBSET = "subset"


class Targets(StrEnum):
    """What mined samples learn from."""

    ANCHORED = "anchored"
    """Given label and out-of-sample evidence, in shares that the partition sets (ours; asm/anchor.py)."""
    LITERAL = "literal"
    """As the paper has it: clean by the label, ambiguous by mutual learning, noisy by consistency."""


class ThresholdRule(StrEnum):
    """How the two thresholds that decide a verdict are learned."""

    CALIBRATED = "calibrated"
    """Where p_mislabelled, calibrated on planted errors, passes fixed probabilities."""
    ASM = "asm"
    """The method's own: shares of the class's mean confidence."""


@dataclass(frozen=True)
class NetSettings:
    """Which network, and where its weights come from.

    Attributes:
        backbone: ``mobilefacenet``, ``resnet-small``, ``resnet18``, ``gradients``, or a torchvision / timm name;
            None = decide.
        weights: ``auto``, ``face``, ``imagenet``, ``none`` or the path of a file.
        size: Side of the network's square input in pixels; None = the backbone's own.
        frozen_blocks: First blocks of a pretrained mobilefacenet (it has 15) that do not learn when it is fine-tuned;
            None = decide, 0 = all learn.
    """

    backbone: str | None = None
    weights: str = "auto"
    size: int | None = None
    frozen_blocks: int | None = None

    def __post_init__(self) -> None:
        if self.size is not None:
            _check_range("nets.size", self.size, 16, 1024)
        if self.frozen_blocks is not None:
            _check_range("nets.frozen_blocks", self.frozen_blocks, 0, 15)


@dataclass(frozen=True)
class AsmSettings:
    """The method's numbers (arXiv 2310.05618; MAN where the paper names a quantity without its value).

    Attributes:
        epochs: Passes over the data; None = decide.
        warm_up: Epochs of plain cross-entropy before mining; None = decide.
        batch: Samples a step; None = decide.
        learning_rate: Of the optimiser; None = decide.
        weight_decay: Of the optimiser.
        targets: Anchored or the paper's literal form; None = anchored.
        thresholds: Adaptive (a pair a class and epoch) or fixed.
        clean_scale, noisy_scale: Factors of a class's mean confidence; with fixed thresholds, the thresholds.
        mutual_weight: omega, the weight of the ambiguous loss.
        consistency_weight: gamma, the weight of the noisy loss.
        ramp_beta: Steepness of the ramp-up of mutual learning.
        reduction: Average each subset's loss over the batch or within the subset.
        balance: Power of the inverse class share that weighs each class's cross-entropy, in [0, 1]. 0 = none.
    """

    epochs: int | None = None
    warm_up: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    weight_decay: float = 1e-4
    targets: Targets | None = None
    thresholds: ThresholdKind = ThresholdKind.ADAPTIVE
    clean_scale: float = 0.8
    noisy_scale: float = 0.2
    mutual_weight: float = 0.6
    consistency_weight: float = 1.0
    ramp_beta: float = 0.65
    reduction: Reduction = Reduction.BATCH
    balance: float = 0.0

    def __post_init__(self) -> None:
        if self.epochs is not None:
            _check_range("asm.epochs", self.epochs, 1, 10_000)
        if self.warm_up is not None:
            _check_range("asm.warm_up", self.warm_up, 1, 10_000)
        if self.batch is not None:
            _check_range("asm.batch", self.batch, 2, 65_536)
        if self.learning_rate is not None:
            _check_range("asm.learning_rate", self.learning_rate, 1e-8, 10.0)
        for name in ("clean_scale", "noisy_scale", "balance"):
            _check_range(f"asm.{name}", getattr(self, name), 0.0, 1.0)
        for name in ("weight_decay", "mutual_weight", "consistency_weight", "ramp_beta"):
            _check_range(f"asm.{name}", getattr(self, name), 0.0, 100.0)
        if self.noisy_scale >= self.clean_scale:
            raise SettingsError(
                f"asm.noisy_scale ({self.noisy_scale}) must be below asm.clean_scale ({self.clean_scale})"
            )


@dataclass(frozen=True)
class VerdictSettings:
    """When a class can be judged at all, and how the judging is checked.

    Attributes:
        min_class_size: Classes with fewer readable samples get ``undetermined``.
        rule: How the deciding thresholds are learned; None = calibrated where evidence is cross-fitted, else asm.
    """

    min_class_size: int = 10
    rule: ThresholdRule | None = None

    def __post_init__(self) -> None:
        _check_range("verdict.min_class_size", self.min_class_size, 2, 1_000_000)


@dataclass(frozen=True)
class AuditSettings:
    """All settings of one audit.

    Attributes:
        effort: None = decide from device, weights and size of the dataset.
        training: Frozen trunk or fine-tuning; None = decide from effort.
        folds: Parts of the cross-fitting; 1 = a single run, whose peers know the labels they judge. None = decide.
        seed: Seed of everything random.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        workers: Threads that decode pictures; None = one a core.
        cache_dir: Where pixels, features and downloaded weights are kept; None = the user's cache folder.
        nets, asm, verdict: Settings of the parts.
    """

    effort: Effort | None = None
    training: Training | None = None
    folds: int | None = None
    seed: int = 0
    device: str = "auto"
    workers: int | None = None
    cache_dir: Path | None = None
    nets: NetSettings = field(default_factory=NetSettings)
    asm: AsmSettings = field(default_factory=AsmSettings)
    verdict: VerdictSettings = field(default_factory=VerdictSettings)

    def __post_init__(self) -> None:
        if self.folds is not None:
            _check_range("folds", self.folds, 1, 50)
        _check_range("seed", self.seed, 0, 2**32 - 1)
        if self.workers is not None:
            _check_range("workers", self.workers, 1, 1024)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a report's metadata; leaves out paths and what does not change the result."""
        values = asdict(self)
        for name in ("cache_dir", "workers"):
            values.pop(name)
        return values


_Settings = TypeVar("_Settings")


def with_values(settings: _Settings, values: Mapping[str, Any], where: str = "") -> _Settings:
    """Copies settings with some values replaced; nested mappings go to the nested settings.

    Args:
        settings: A settings dataclass.
        values: Field name -> value; enums may be given by their value, paths as text.
        where: Prefix of names in messages, such as ``asm.``.

    Raises:
        SettingsError: A name is unknown (the nearest known one is offered) or a value has the wrong type or range.
    """
    assert is_dataclass(settings) and not isinstance(settings, type)
    hints = get_type_hints(type(settings))
    known = [item.name for item in fields(settings)]
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {where}{near[0]}?" if near else f"; known: {', '.join(known)}"
            raise SettingsError(f"unknown setting {where}{name}{hint}")
        current = getattr(settings, name)
        if is_dataclass(current):
            if not isinstance(value, Mapping):
                raise SettingsError(f"{where}{name} is a group of settings, not {value!r}")
            changes[name] = with_values(current, value, f"{where}{name}.")
        else:
            changes[name] = _convert(f"{where}{name}", value, hints[name])
    return replace(settings, **changes)


def read_settings(path: Path, settings: AuditSettings) -> AuditSettings:
    """Applies the ``[audit]`` table of a TOML file (``[tool.labelaudit.audit]`` in a pyproject.toml).

    Raises:
        SettingsError: The file cannot be read, is no TOML, has no such table, or holds unknown or unfit values.
    """
    try:
        content: Any = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"cannot read settings from {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error
    keys = ("tool", "labelaudit", "audit") if path.name == "pyproject.toml" else ("audit",)
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    if not isinstance(content, dict):
        raise SettingsError(f"{path} has no table [{'.'.join(keys)}]; the settings belong there")
    return with_values(settings, content)


def _convert(name: str, value: Any, hint: Any) -> Any:
    allowed = getattr(hint, "__args__", (hint,))
    if value is None and type(None) in allowed:
        return None
    for kind in allowed:
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            try:
                return kind(value)
            except ValueError as error:
                raise SettingsError(f"{name} must be one of {', '.join(kind)}, not {value!r}") from error
        if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if kind is int and isinstance(value, int) and not isinstance(value, bool):
            return value
        if kind is str and isinstance(value, str):
            return value
        if kind is Path and isinstance(value, str | Path):
            return Path(value)
    names = " or ".join(kind.__name__ for kind in allowed if kind is not type(None))
    raise SettingsError(f"{name} must be {names}, not {value!r}")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingsError(f"{name} must be between {low} and {high}, not {value}")
