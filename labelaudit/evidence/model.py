"""What an audit leaves behind to judge new images: ``model.safetensors`` and ``model.json``. No pickle.

The tensors, by the first part of their names:

- ``trunk``: the frozen network; ``components``: its features' principal directions; ``outliers``: regressions on them;
- ``judges``: the peers, of every fold where they are heads, of the first where they are networks; their frozen first
  blocks, if any, are the trunk's;
- ``ridge``: landmarks as whole numbers (features lie in [-5, 5], a step is 5 / 127), their weights, the moments;
- ``known``: hashes of the training pictures and what the audit said of them; ``reference``: a sample for drift.

The JSON says how to put them together and what their answers mean; each file names the other by its hash. They hold no
picture, name or path, but features of faces: what may be done with the dataset may be done with its model.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from labelaudit.asm.peers import Head, Peers
from labelaudit.errors import WeightsError
from labelaudit.evidence.drift import Reference, build_reference
from labelaudit.evidence.facts import check_facts
from labelaudit.evidence.features import HeadFeatures
from labelaudit.evidence.judges import Judges
from labelaudit.evidence.known import KnownPictures, PictureCode
from labelaudit.evidence.outlier_model import OutlierModel
from labelaudit.evidence.ridge import RidgeModel
from labelaudit.jsontext import parse_json
from labelaudit.nets.interface import Net
from labelaudit.nets.tensorfile import save_tensors
from labelaudit.records import FloatArray, JsonDict
from labelaudit.rundir import RunDir, write_json, written_aside

if TYPE_CHECKING:
    from labelaudit.evidence.gather import Gathered  # and with it everything that trains

MODEL_VERSION = 4
"""Grows when a reader of the version before would not understand the files."""

_DIGEST = "facts_sha256"
_STEP = 5.0 / 127.0
"""Of the landmarks' standardised features, which are clipped at 5, as whole numbers of 8 bits."""
_KNOWN = ("digest", "bits", "given", "split", "peer1", "peer2", "ridge", "outlier")
_OUTLIERS = ("weights", "offset", "middle", "deviation")
_MAY_BE_NAN = ("known.peer1", "known.peer2", "known.ridge", "known.outlier")


@dataclass(frozen=True)
class Model:
    """What an audit left behind, read and checked.

    Attributes:
        where: The run folder, for messages.
        sha256: Hex digest of the tensors' file, which vouches for the facts, too.
        facts: Everything that is no tensor.
        tensors: By name.
    """

    where: Path
    sha256: str
    facts: JsonDict
    tensors: Mapping[str, Tensor]

    @property
    def classes(self) -> tuple[str, ...]:
        """The K classes in their order."""
        return tuple(self.facts["classes"])

    @property
    def size(self) -> int:
        """Side of the networks' input in pixels."""
        return int(self.facts["size"])

    @property
    def heads(self) -> bool:
        """True where the peers are heads on the frozen trunk, False where they are whole networks."""
        return bool(self.facts["heads"])

    @property
    def shares(self) -> FloatArray:
        """Of each class among the labels that it was trained on, (K,)."""
        with self.put_together():
            found: FloatArray = self.tensors["ridge.shares"].numpy()
            return found

    @property
    def outlier_threshold(self) -> float:
        """Outlier score from which on a picture is off topic; infinite where none is to be called so."""
        threshold = self.facts["outlier_threshold"]
        return math.inf if threshold is None else float(threshold)

    @property
    def distrust(self) -> tuple[str, ...]:
        """Why the verdicts of its audit are not to be trusted, one sentence each."""
        return tuple(self.facts.get("distrust", ()))

    def known(self) -> KnownPictures:
        """The pictures that it was trained on.

        Raises:
            WeightsError: They are not whole.
        """
        with self.put_together():
            part = self._part("known")
            code = PictureCode(part["directions"].numpy(), part["offset"].numpy())
            return KnownPictures(code=code, splits=tuple(self.facts["splits"]), **{n: part[n].numpy() for n in _KNOWN})

    def reference(self) -> Reference:
        """A sample of them for drift.

        Raises:
            WeightsError: It is not whole.
        """
        with self.put_together():
            return Reference(**{name: tensor.numpy() for name, tensor in self._part("reference").items()})

    def judges(self, *, device: torch.device) -> Judges:
        """The networks, and what judges by the trunk's features.

        Raises:
            WeightsError: The tensors do not fit them.
            SettingsError: The network is one of timm's, and timm is not installed.
        """
        from labelaudit.nets.mobilefacenet import take_stem
        from labelaudit.nets.registry import build_net  # slow to import, and of no use where all is in the cache

        classes = len(self.classes)
        with self.put_together(), torch.random.fork_rng(devices=[]):
            components, blocks = HeadFeatures(**self._part("components")), self.facts["frozen_blocks"]

            def peer() -> torch.nn.Module:
                if self.heads:
                    return Head(len(components.scale), classes)
                rest = build_net(self.facts["backbone"], num_classes=classes, size=self.size)
                take_stem(rest, blocks)
                return rest

            def whole_trunk() -> Net:
                net = build_net(self.facts["trunk"]["name"], num_classes=classes, size=self.facts["trunk"]["size"])
                net.trunk.load_state_dict(self._part("trunk"))
                return net

            net = whole_trunk()
            count = len({name.split(".")[0] for name in self._part("judges")})
            if self.facts["judges"] != count:
                raise ValueError(f"{self.facts['judges']} judges are told and {count} are there")
            peers = [Peers(peer(), peer()) for _ in range(count)]
            for number, both in enumerate(peers):
                both.load_state_dict(self._part(f"judges.{number}"))
            outliers = {name: each.numpy() for name, each in self._part("outliers").items()}
            return Judges(
                trunk=net,
                components=components,
                peers=tuple(both.eval().to(device) for both in peers),
                stem=take_stem(whole_trunk(), blocks) if blocks else None,
                ridge=self._ridge(device),
                outliers=OutlierModel(**outliers, threshold=self.outlier_threshold),
            )

    def _ridge(self, device: torch.device) -> RidgeModel:
        part = {name: each.to(device) for name, each in self._part("ridge").items()}
        groups = range(len(part["scale"]))
        return RidgeModel(
            groups=tuple(part[f"groups.{group}"].float() * _STEP for group in groups),
            rows=part["rows"].cpu().numpy(),
            mean=tuple(part[f"mean.{group}"] for group in groups),
            std=tuple(part[f"std.{group}"] for group in groups),
            scale=tuple(part["scale"].tolist()),
            weights=part["weights"],
            shares=part["shares"],
        )

    def _part(self, prefix: str) -> dict[str, Tensor]:
        start = f"{prefix}."
        return {name.removeprefix(start): each for name, each in self.tensors.items() if name.startswith(start)}

    @contextlib.contextmanager
    def put_together(self) -> Iterator[None]:
        """Has what goes wrong within it mean that the model is not whole."""
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError) as error:
            first = str(error).strip().split("\n")[0]
            raise WeightsError(f"the model in {self.where} does not fit together ({first}); audit again") from error


def save_model(run: RunDir, gathered: Gathered, known: KnownPictures, facts: JsonDict, *, seed: int) -> str:
    """Writes both files; the JSON last, so that it never names tensors that are not there.

    Args:
        run: The run folder.
        gathered: The networks, and what they said.
        known: The pictures that they were trained on.
        facts: JSON values to keep beside them: classes, backbone, thresholds, calibration, settings.
        seed: Draws the reference.

    Returns:
        Hex digest of the tensors' file.
    """
    posterior = gathered.evidence.posterior
    reference = build_reference(gathered.ridge, posterior[np.isfinite(posterior).all(axis=1)], seed=seed)
    spec = gathered.trunk.spec
    value: JsonDict = {
        "model_version": MODEL_VERSION,
        "size": gathered.size,
        "trunk": {"name": spec.name, "size": spec.size},
        "heads": isinstance(gathered.judges[0].peer1, Head),
        "judges": len(gathered.judges),
        "frozen_blocks": gathered.frozen_blocks,
        "outlier_threshold": threshold if math.isfinite(threshold := gathered.outliers.threshold) else None,
        "splits": list(known.splits),
        **facts,
    }
    with written_aside(run.model_weights) as aside:
        save_tensors(_tensors(gathered, known, reference), aside, metadata={_DIGEST: _digest(value)})
        sha256 = hashlib.sha256(aside.read_bytes()).hexdigest()
    write_json(run.model_json, {"sha256": sha256, **value})
    return sha256


def _tensors(gathered: Gathered, known: KnownPictures, reference: Reference) -> dict[str, Tensor]:
    ridge = gathered.ridge
    tensors = _named("trunk", gathered.trunk.trunk.state_dict()) | _named("components", vars(gathered.components))
    tensors |= _named("outliers", {name: torch.from_numpy(getattr(gathered.outliers, name)) for name in _OUTLIERS})
    for number, peers in enumerate(gathered.judges):
        tensors |= _named(f"judges.{number}", peers.state_dict())
    parts = {"rows": torch.from_numpy(ridge.rows), "scale": torch.tensor(ridge.scale)}
    parts |= {"weights": ridge.weights, "shares": ridge.shares}
    for number, group in enumerate(ridge.groups):
        parts[f"groups.{number}"] = (group / _STEP).round().to(torch.int8)
        parts |= {f"mean.{number}": ridge.mean[number], f"std.{number}": ridge.std[number]}
    tensors |= _named("ridge", parts)
    kept = {name: getattr(known, name) for name in _KNOWN} | vars(known.code)
    tensors |= _named("known", {name: torch.from_numpy(array) for name, array in kept.items()})
    return tensors | _named("reference", {name: torch.from_numpy(array) for name, array in vars(reference).items()})


def _named(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # clone: safetensors refuses tensors that share memory, and wants plain row-major bytes
    return {f"{prefix}.{name}": value.detach().cpu().contiguous().clone() for name, value in state.items()}


def load_model(run: RunDir) -> Model:
    """Reads and checks what ``save_model`` wrote.

    Raises:
        WeightsError: There is no model, it has another version, was altered or cut short, or holds values that are no
            numbers.
    """
    where = run.root
    if not run.model_json.is_file():
        raise WeightsError(f"{where} holds no model; name the folder of a finished audit")
    try:
        facts = parse_json(run.model_json.read_bytes())
        version, sha256 = facts["model_version"], facts.pop("sha256")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{run.model_json} is damaged ({type(error).__name__}: {error}); audit again") from error
    if version != MODEL_VERSION:
        raise WeightsError(
            f"{where} holds a model of version {version!r}, this labelaudit reads {MODEL_VERSION}; "
            "use the version that wrote it, or audit again"
        )
    try:
        content = run.model_weights.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read {run.model_weights}: {error.strerror}; audit again") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise WeightsError(f"{run.model_weights} was altered or cut short: it is not what {run.model_json.name} names")
    try:
        tensors = load(content)
        header = parse_json(content[8 : 8 + int.from_bytes(content[:8], "little")])
        vouched = header["__metadata__"][_DIGEST]
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{run.model_weights} is no model of labelaudit ({error}); audit again") from error
    if vouched != _digest(facts):
        raise WeightsError(f"{run.model_json} was altered since it was written; audit again, or get another copy")
    model = Model(where, sha256, facts, tensors)
    with model.put_together():
        check_facts(facts)
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and name not in _MAY_BE_NAN and not tensor.isfinite().all():
            raise WeightsError(f"the model in {where} holds values that are no numbers in {name}; audit again")
    return model


def _digest(facts: JsonDict) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
