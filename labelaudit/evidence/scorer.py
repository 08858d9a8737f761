"""The judges that an audit left behind, applied to new images.

A new picture gets the kind of posterior that the audit's rows got: the pool of the mean peer and the ridge. Nobody who
judges has seen its label, so the audit's calibration and thresholds hold for it as far as it looks like what the audit
saw (``examples/benchmarks/held_out.py`` measures how far). Heads of all folds are heard where the audit heard those of
one: on 2,000 held-out faces that gained 0.006 average precision, and the mean of the largest posteriors stayed at 0.56.

A picture that the model was trained on is judged by what the audit said of it (``known``), which did not rest on its
label as the finished model does. Drift is measured on the other pictures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from labelaudit.asm.batches import Batches, FeatureBatches, PixelBatches
from labelaudit.asm.peers import Peers
from labelaudit.evidence.combine import combine_balanced
from labelaudit.evidence.device import open_device
from labelaudit.evidence.drift import draw_compared, measure_drift
from labelaudit.evidence.features import VIEWS, view_means
from labelaudit.evidence.judged import BatchEvidence, Judged
from labelaudit.evidence.judges import Judges
from labelaudit.evidence.known import UNKNOWN, recognise
from labelaudit.evidence.model import Model, load_model
from labelaudit.evidence.row_cache import RowCache
from labelaudit.evidence.threads import threaded_features
from labelaudit.likeness import Drift
from labelaudit.nets.features import FeatureArray
from labelaudit.nets.inputs import fast_dtype
from labelaudit.nets.interface import Net
from labelaudit.nets.memory import AtOnce
from labelaudit.pixels.decode import DECODER_VERSION
from labelaudit.pixels.store import PixelStore
from labelaudit.records import Evidence, FloatArray, Progress, Stage, ThresholdHistory, no_progress
from labelaudit.rundir import RunDir

_TRIED_SIDE = 16
_BLOCK = 512
"""Pictures that are looked up in the cache, and kept, together."""
_TOGETHER = 64
"""Pictures that go through matrices together, blank ones beside the last: products of one shape are summed in one
order, so that what is said of a picture does not depend, in its last digits, on the pictures beside it."""


class Scorer:
    """A finished audit's model, ready to judge new images.

    Args:
        model: Read and checked.
        device: Where networks run; None = the CPU.

    Attributes:
        model: As given.
        known: The pictures that it was trained on.
    """

    def __init__(self, model: Model, *, device: torch.device | None = None) -> None:
        self.model = model
        self._device = device or torch.device("cpu")
        self.known = model.known()
        self._reference = model.reference()
        with model.put_together():
            landmarks, rows = self._reference.landmarks, len(model.tensors["ridge.rows"])
            if not ((landmarks >= 0) & (landmarks < rows)).all():
                raise ValueError("it compares with landmarks that it does not have")
            told = (self.known.peer1.shape[1], self._reference.posterior.shape[1], len(model.shares))
            if {*told} != {len(self.classes)}:
                raise ValueError(f"it does not speak of {len(self.classes)} classes throughout")

    @classmethod
    def load(cls, run: RunDir | Path | str, *, device: str = "cpu") -> Scorer:
        """Reads the model of a finished run.

        Args:
            run: The run, or its folder.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

        Raises:
            WeightsError: There is no model, or it is damaged, altered or of another version.
            SettingsError: There is no such device.
        """
        chosen = open_device(device)
        return cls(load_model(run if isinstance(run, RunDir) else RunDir(Path(run))), device=chosen)

    @property
    def classes(self) -> tuple[str, ...]:
        """The K classes in the order of the posterior."""
        return self.model.classes

    @property
    def device(self) -> str:
        """Kind of the device that networks run on: ``cpu``, ``cuda``, ``mps``."""
        return self._device.type

    @property
    def size(self) -> int:
        """Side at which pictures are to be stored, in pixels."""
        return self.model.size

    def score(
        self, store: PixelStore, *, cache_dir: Path | None = None, seed: int = 0, progress: Progress = no_progress
    ) -> BatchEvidence:
        """Judges the pictures of a batch.

        Args:
            store: Their pixels.
            cache_dir: The user's cache folder; None = score all anew, and keep nothing.
            seed: Of the test for drift.
            progress: Told of faces done.

        Raises:
            WeightsError: The model's tensors do not fit together.
        """
        judged, coordinates, compared = self._judged(store, cache_dir, progress, seed=seed)
        evidence = self.evidence(judged.peer1, judged.peer2, judged.ridge, judged.outlier)
        drift = self.drift(coordinates, evidence.posterior[compared], seed=seed)
        return BatchEvidence(evidence, judged.matches, drift, judged.computed)

    def judge(self, store: PixelStore, *, cache_dir: Path | None = None, progress: Progress = no_progress) -> Judged:
        """Judges some pictures of a batch; what needs all of them, drift, is left to ``drift``.

        Args:
            store: Their pixels.
            cache_dir: As of ``score``.
            progress: As of ``score``.

        Raises:
            WeightsError: The model's tensors do not fit together.
        """
        return self._judged(store, cache_dir, progress)[0]

    def compared(self, store: PixelStore, *, cache_dir: Path | None = None) -> tuple[FloatArray, FloatArray]:
        """What n readable pictures are compared with the training data by: coordinates (n, L), posteriors (n, K)."""
        rows, classes = np.arange(len(store)), len(self.classes)
        said, coordinates, _ = self._said_of(store, rows, rows, cache_dir, no_progress)
        parts = said[:, : 3 * classes].reshape(-1, 3, classes).swapaxes(0, 1)
        return coordinates, self.evidence(parts[0], parts[1], parts[2], said[:, 3 * classes]).posterior

    def drift(self, coordinates: FloatArray, posterior: FloatArray, *, seed: int) -> Drift | None:
        """How unlike the training data pictures look, from their coordinates (n, L) and posteriors (n, K)."""
        return measure_drift(coordinates, posterior, self._reference, seed=seed)

    def _judged(
        self, store: PixelStore, cache_dir: Path | None, progress: Progress, *, seed: int | None = None
    ) -> tuple[Judged, FloatArray, NDArray[np.int64]]:
        """What is said of each row, and the coordinates of some rows where a seed draws them."""
        matches = recognise(self.known, store)
        seen = matches.known != UNKNOWN
        seen[seen] = np.isfinite(self.known.ridge[matches.known[seen]]).all(axis=1)
        fresh = np.flatnonzero(store.facts.readable & ~seen)
        compared = np.empty(0, dtype=np.int64) if seed is None else draw_compared(len(fresh), seed=seed)
        said, coordinates, computed = self._said_of(store, fresh, compared, cache_dir, progress)

        classes = len(self.classes)
        parts = np.full((3, len(store), classes), np.nan, dtype=np.float32)  # peer 1, peer 2, ridge
        parts[:, fresh] = said[:, : 3 * classes].reshape(-1, 3, classes).swapaxes(0, 1)
        outlier = np.full(len(store), np.nan, dtype=np.float32)
        outlier[fresh] = said[:, 3 * classes]
        known = matches.known[seen]
        parts[:, seen] = [self.known.peer1[known], self.known.peer2[known], self.known.ridge[known]]
        outlier[seen] = self.known.outlier[known]
        is_fresh = np.zeros(len(store), dtype=bool)
        is_fresh[fresh] = True
        return Judged(parts[0], parts[1], parts[2], outlier, matches, is_fresh, computed), coordinates, fresh[compared]

    def _said_of(
        self,
        store: PixelStore,
        rows: NDArray[np.int64],
        compared: NDArray[np.int64],
        cache_dir: Path | None,
        progress: Progress,
    ) -> tuple[FloatArray, FloatArray, int]:
        """Peers, ridge and outlier score of n rows, (n, 3 K + 1); coordinates of some, (c, L); how many are new."""
        own, width = 3 * len(self.classes) + 1, 3 * len(self.classes) + 1 + len(self._reference.landmarks)
        cache = None if cache_dir is None else RowCache(cache_dir, key=self._cache_key(store), width=width)
        said = np.empty((len(rows), own), dtype=np.float32)
        coordinates = np.empty((len(compared), width - own), dtype=np.float32)
        computed = 0
        for start in range(0, len(rows), _BLOCK):
            some = rows[start : start + _BLOCK]
            digests = [str(store.facts.content_sha256[row]) for row in some.tolist()]
            cached = {} if cache is None else cache.read(digests)
            missing = np.flatnonzero([digest not in cached for digest in digests])
            block = np.empty((len(some), width), dtype=np.float32)
            if len(missing):
                if computed == 0:
                    self._try_out()
                block[missing] = self._judge(store.pixels[some[missing]])
                with self.model.put_together():
                    if not np.isfinite(block[missing, : own - 1]).all():  # finite weights may still be too large
                        raise ValueError("its answers are no numbers")
                if cache is not None:
                    cache.write_rows([digests[place] for place in missing.tolist()], block[missing])
            for place, digest in enumerate(digests):
                if digest in cached:
                    block[place] = cached[digest]
            said[start : start + len(some)] = block[:, :own]
            first, last = np.searchsorted(compared, [start, start + len(some)])
            coordinates[first:last] = block[compared[first:last] - start, own:]
            computed += len(missing)
            progress(Stage("scores", start + len(some), len(rows), "faces"))
        return said, coordinates, computed

    def _cache_key(self, store: PixelStore) -> str:
        """Names all that the numbers depend on beside the encoded picture."""
        named = [self.model.sha256, store.size, DECODER_VERSION, self._device.type, str(fast_dtype(self._device))]
        return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:40]

    @cached_property
    def _judges(self) -> Judges:
        return self.model.judges(device=self._device)

    def _try_out(self) -> None:
        """Shows the judges a black picture: what of a model does not fit together shows then.

        Raises:
            WeightsError: Something does not.
        """
        with self.model.put_together():
            said = self._judge(np.zeros((1, _TRIED_SIDE, _TRIED_SIDE, 3), dtype=np.uint8))
            if said.shape != (1, 3 * len(self.classes) + 1 + len(self._reference.landmarks)):
                raise ValueError(f"its judges give {said.shape[1]} numbers")

    @torch.no_grad()
    def _judge(self, pixels: NDArray[np.uint8]) -> FloatArray:
        """Of pictures (n, s, s, 3): both peers, ridge, outlier score, coordinates, (n, 3 K + 1 + L)."""
        groups = threaded_features(self._judges.trunk, pixels, views=VIEWS, device=self._device, at_once=32)
        found = []
        for start in range(0, len(pixels), _TOGETHER):
            rows = slice(start, min(start + _TOGETHER, len(pixels)))
            padded = [_padded(group[:, rows].swapaxes(0, 1)).swapaxes(0, 1) for group in groups]
            found.append(self._judge_together(padded, _padded(pixels[rows]))[: rows.stop - rows.start])
        return np.concatenate(found)

    def _judge_together(self, groups: list[FeatureArray], pixels: NDArray[np.uint8]) -> FloatArray:
        """``_judge`` of ``_TOGETHER`` pictures, from their features (V, n, D_g) a group."""
        judges, device = self._judges, self._device
        batches: Batches
        if self.model.heads:
            batches = FeatureBatches(judges.components.apply(groups, device=device), device=device)
        else:
            network = judges.peers[0].peer1
            assert isinstance(network, Net)
            batches = PixelBatches(pixels, spec=network.spec, device=device)
        rows = torch.arange(len(pixels))
        peers = mean_peers(judges.peers, batches, rows)
        likeness = judges.ridge.likeness(view_means(groups, rows.numpy()))
        coordinates = likeness[:, torch.from_numpy(self._reference.landmarks)].cpu().numpy()
        outlier = judges.outliers.score(groups, judges.components)[:, None]
        return np.concatenate([peers[0], peers[1], judges.ridge.predict(likeness), outlier, coordinates], axis=1)

    def evidence(self, peer1: FloatArray, peer2: FloatArray, ridge: FloatArray, outlier: FloatArray) -> Evidence:
        """Evidence that no epoch of training stands behind, from posteriors (N, K) and outlier scores (N,)."""
        no_epochs = np.zeros(len(outlier), dtype=np.int32)
        return Evidence(
            posterior=combine_balanced(
                0.5 * (peer1 + peer2),
                ridge,
                shares=self.model.shares,
                frozen=self.model.heads,
            ),
            peer1=peer1,
            peer2=peer2,
            epochs_clean=no_epochs,
            epochs_ambiguous=no_epochs,
            epochs_noisy=no_epochs,
            history=ThresholdHistory.empty(),
            ridge=ridge,
            outlier_score=outlier,
            outlier_threshold=self.model.outlier_threshold,
        )


def _padded(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows (n, ...) with blank ones after them, (_TOGETHER, ...)."""
    blank = np.zeros((_TOGETHER - len(rows), *rows.shape[1:]), dtype=rows.dtype)
    return np.concatenate([rows, blank]) if len(blank) else rows


def mean_peers(peers: Sequence[Peers], batches: Batches, rows: torch.Tensor) -> FloatArray:
    """Each peer's posterior, the mean over folds and plain views, (2, n, K)."""

    def say(some: slice) -> torch.Tensor:
        views = batches.plain(rows[some])
        found = [torch.stack(both(view)).float().softmax(dim=-1) for both in peers for view in views]
        return torch.stack(found).mean(dim=0)

    said = [part for _, part in AtOnce(len(rows)).over(len(rows), say)]  # fewer at once where memory is short
    return torch.cat(said or [say(slice(0))], dim=1).cpu().numpy()
