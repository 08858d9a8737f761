"""Which weights a network starts from, and what of them fits it.

``resolve_weights`` turns a person's choice into tensors in memory; ``load_weights`` puts those that fit into a trunk
and reports the rest. The classifier's head always starts new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import torch
from torch import Tensor
from torchvision import models

from labelaudit.errors import WeightsError
from labelaudit.nets import face
from labelaudit.nets.interface import Net
from labelaudit.nets.recipe import OWN, torchvision_names
from labelaudit.nets.tensorfile import parse_tensors, read_bytes

_PREFIXES = ("module.", "model.", "backbone.", "trunk.", "encoder.", "net.")
"""What wrappers (DataParallel, Lightning, our own ``Net``) put before a trunk's names."""
_COUNTER = "num_batches_tracked"
_LEAST_SHARE = 0.5
_NAMED = 4
"""Tensors that a note names of each kind that did not fit."""
_COST = (
    "training starts from random weights, which costs more than any method gains: for a related method users report "
    "71 to 76 % accuracy on RAF-DB from scratch against 88 to 89 % from face weights"
)


class WeightsChoice(StrEnum):
    """What ``--weights`` may say beside the path of a file."""

    AUTO = "auto"
    FACE = "face"
    IMAGENET = "imagenet"
    NONE = "none"


@dataclass(frozen=True)
class Weights:
    """Pretrained tensors in memory.

    Attributes:
        name: ``face``, ``imagenet`` or the file's name without its folder: what a report may store.
        sha256: Hex digest of the file they came from.
        tensors: By their names in the file.
    """

    name: str
    sha256: str
    tensors: Mapping[str, Tensor]


@dataclass(frozen=True)
class LoadReport:
    """What became of pretrained tensors.

    Attributes:
        loaded: Names in the trunk that were filled.
        missing: Names in the trunk that the weights lack; they keep their new values.
        unexpected: Names in the weights that the trunk lacks, the old classifier among them.
        mismatched: Names in both whose shapes differ, with the shapes; they keep their new values.
        note: One sentence for people.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[str, ...]
    note: str


def resolve_weights(choice: str, backbone: str, *, cache_dir: Path) -> tuple[Weights | None, str]:
    """Finds the weights that a person chose.

    Args:
        choice: A ``WeightsChoice``, or the path of a weights file.
        backbone: The network's name.
        cache_dir: The user's cache folder; downloads go into its folder ``weights``.

    Returns:
        The weights, or None for random ones; and a sentence that says what was taken and what it costs.

    Raises:
        WeightsError: They cannot be had, are altered, or do not exist for this network. Never with ``auto`` or
            ``none``.
    """
    folder = cache_dir / "weights"
    match choice:
        case WeightsChoice.NONE:
            return None, _COST
        case WeightsChoice.AUTO:
            return _resolve_auto(backbone, folder)
        case WeightsChoice.FACE:
            return _face(backbone, folder), f"{backbone} starts from public face weights (MS-Celeb-1M)"
        case WeightsChoice.IMAGENET:
            return _imagenet(backbone, folder), f"{backbone} starts from torchvision's ImageNet weights"
    path = Path(choice).expanduser()
    return _read(path.name, path, read_bytes(_existing(path))), f"{backbone} starts from {path.name}"


def backbone_of(choice: str) -> str | None:
    """The network of ours that a choice of weights calls for; None where it leaves that open.

    ``face`` and ``auto`` call for MobileFaceNet, ``imagenet`` for ResNet-18, a file for the network whose trunk its
    tensors fit by name and shape.

    Raises:
        WeightsError: The file cannot be read.
    """
    match choice:
        case WeightsChoice.NONE:
            return None
        case WeightsChoice.AUTO | WeightsChoice.FACE:
            return face.BACKBONE
        case WeightsChoice.IMAGENET:
            return "resnet18"
    path = _existing(Path(choice).expanduser())
    tensors = parse_tensors(read_bytes(path), path)
    for name, recipe in OWN.items():
        with torch.device("meta"):
            state = recipe.build(recipe.size).state_dict()
        if _compare(state, tensors).share >= _LEAST_SHARE:
            return name
    return None


def load_weights(net: Net, weights: Weights) -> LoadReport:
    """Puts pretrained tensors into the network's trunk, in place, where name and shape fit.

    Raises:
        WeightsError: Fewer than half of the trunk's tensors would be filled, or one of them is not finite.
    """
    state = net.trunk.state_dict()
    fit = _compare(state, weights.tensors)
    if fit.share < _LEAST_SHARE:
        example = (*fit.mismatched, *fit.missing)[0]
        raise WeightsError(
            f"weights {weights.name} fit {len(fit.chosen)} of {len(state)} tensors of {net.spec.name} "
            f"(not {example}); choose the backbone that they were trained with"
        )
    broken = [name for name, value in fit.chosen.items() if not torch.isfinite(value).all()]
    if broken:
        raise WeightsError(f"weights {weights.name} hold values that are no numbers in {broken[0]}; get another copy")
    net.trunk.load_state_dict(fit.chosen, strict=False)
    aside = [(fit.missing, "missing"), (fit.mismatched, "of another shape"), (fit.unexpected, "unused")]
    rest = ", ".join(f"{len(names)} {word} ({_listed(names)})" for names, word in aside if names)
    return LoadReport(
        loaded=tuple(fit.chosen),
        missing=fit.missing,
        unexpected=fit.unexpected,
        mismatched=fit.mismatched,
        note=f"weights {weights.name}: {len(fit.chosen)} tensors loaded" + (f"; {rest}" if rest else ""),
    )


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class _Fit:
    chosen: dict[str, Tensor]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the trunk's tensors that are filled, batch norm's counters apart."""
        filled = sum(not name.endswith(_COUNTER) for name in self.chosen)
        return filled / max(filled + len(self.missing) + len(self.mismatched), 1)


def _compare(state: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> _Fit:
    chosen: dict[str, Tensor] = {}
    unexpected: list[str] = []
    mismatched: dict[str, str] = {}
    for name, value in tensors.items():
        own = _own_name(name, state)
        if own is None:
            unexpected.append(name)
        elif value.shape != state[own].shape:
            mismatched[own] = f"{own}: {tuple(value.shape)} instead of {tuple(state[own].shape)}"
        else:
            chosen[own] = value
    missing = [name for name in state if name not in chosen and name not in mismatched and not name.endswith(_COUNTER)]
    return _Fit(chosen, tuple(missing), tuple(unexpected), tuple(mismatched.values()))


def _own_name(name: str, state: Mapping[str, Tensor]) -> str | None:
    """The trunk's name for a tensor: without the wrappers' prefixes, as few taken off as it needs."""
    while name not in state:
        prefix = next((known for known in _PREFIXES if name.startswith(known)), None)
        if prefix is None:
            return None
        name = name.removeprefix(prefix)
    return name


def _resolve_auto(backbone: str, folder: Path) -> tuple[Weights | None, str]:
    if backbone != face.BACKBONE:
        return None, f"{_COST}; give --weights FILE, or --backbone {face.BACKBONE} with its public face weights"
    try:
        return _face(backbone, folder), f"{backbone} starts from public face weights (MS-Celeb-1M)"
    except WeightsError as error:
        return None, f"{error}; {_COST}"


def _face(backbone: str, folder: Path) -> Weights:
    if backbone != face.BACKBONE:
        raise WeightsError(
            f"the face weights fit {face.BACKBONE}, not {backbone}; use --backbone {face.BACKBONE} or --weights FILE"
        )
    path, content = face.fetch_face_weights(folder)
    return _read(WeightsChoice.FACE, path, content)


def _imagenet(backbone: str, folder: Path) -> Weights:
    if backbone not in torchvision_names():
        raise WeightsError(f"torchvision has no ImageNet weights for {backbone}; give --weights FILE")
    entry = models.get_model_weights(backbone).DEFAULT
    path = folder / entry.url.rpartition("/")[2]
    try:
        entry.get_state_dict(progress=False, check_hash=True, model_dir=str(folder), weights_only=True)
    except (OSError, RuntimeError) as error:
        raise WeightsError(
            f"the ImageNet weights of {backbone} cannot be had ({error}); download {entry.url} to {path}"
        ) from error
    return _read(WeightsChoice.IMAGENET, path, read_bytes(path))


def _read(name: str, path: Path, content: bytes) -> Weights:
    return Weights(name=name, sha256=hashlib.sha256(content).hexdigest(), tensors=parse_tensors(content, path))


def _existing(path: Path) -> Path:
    if not path.is_file():
        words = ", ".join(WeightsChoice)
        raise WeightsError(f"there is no weights file {path}; give one, or one of {words}")
    return path
