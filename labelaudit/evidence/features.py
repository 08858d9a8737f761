"""A frozen trunk's features of a dataset, computed once and cached, and a shorter form of them for the heads.

The cache is a folder ``<cache>/features/<key>/`` with one ``.npy`` a group of features and ``meta.json`` written last.
The key names the pixels, the weights, the network, its input size, the precision and the views.

Ridge wants the groups as they are. The heads get their ``HEAD_FEATURES`` first principal components (Halko, Martinsson,
Tropp 2011, as scikit-learn has it), which train twelve times as fast and judge as well.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd
from torch import Tensor

from labelaudit.nets.features import MIRRORED, PLAIN, FeatureArray, trunk_features
from labelaudit.nets.inputs import fast_dtype
from labelaudit.nets.interface import Net
from labelaudit.pixels.store import PixelStore
from labelaudit.records import FloatArray, Progress, Stage, no_progress
from labelaudit.rundir import write_json

HEAD_FEATURES = 512
VIEWS = (PLAIN, MIRRORED)
_FIT_ROWS = 8_000
_BLOCK = 4_096
_CLIP = 5.0


def load_trunk_features(
    net: Net,
    store: PixelStore,
    *,
    weights_sha256: str,
    cache_dir: Path,
    device: torch.device,
    progress: Progress = no_progress,
) -> list[FeatureArray]:
    """Features of all N rows of a store in every view: one float16 memory map (V, N, D_g) a group.

    Args:
        net: Its trunk, with the weights that the hash names.
        store: The pixels.
        weights_sha256: Names the weights.
        cache_dir: The user's cache folder.
        device: Where the trunk runs.
        progress: Told of faces done.
    """
    named = [store.key, weights_sha256, net.spec.name, net.spec.size, str(fast_dtype(device)), device.type]
    key = hashlib.sha256(json.dumps([named, [asdict(view) for view in VIEWS]]).encode()).hexdigest()[:40]
    folder = cache_dir / "features" / key
    meta = folder / "meta.json"
    if meta.is_file():
        names: list[str] = json.loads(meta.read_text(encoding="utf-8"))["groups"]
        progress(Stage("features", len(store), len(store), "faces"))
        return [np.load(folder / name, mmap_mode="r") for name in names]
    folder.mkdir(parents=True, exist_ok=True)
    names = []

    def allocate(name: str, shape: tuple[int, ...]) -> FeatureArray:
        names.append(f"{name}.npy")
        array: FeatureArray = np.lib.format.open_memmap(folder / names[-1], mode="w+", dtype=np.float16, shape=shape)
        return array

    arrays = trunk_features(net, store.pixels, views=VIEWS, device=device, allocate=allocate, progress=progress)
    for array in arrays:
        if isinstance(array, np.memmap):
            array.flush()
    write_json(meta, {"groups": names})
    return arrays


@dataclass(frozen=True)
class HeadFeatures:
    """From a trunk's feature groups to what the heads are fed.

    Attributes:
        mean, std: Of each feature over the samples, (D,), all groups joined.
        basis: Principal directions, (D, H).
        scale: What a component is divided by, (H,).
    """

    mean: Tensor
    std: Tensor
    basis: Tensor
    scale: Tensor

    def apply(self, groups: list[FeatureArray], *, device: torch.device) -> Tensor:
        """Components of every view, float16, (V, N, H), from groups (V, N, D_g)."""
        views, count = groups[0].shape[:2]
        result = torch.empty(views, count, len(self.scale), dtype=torch.float16)
        mean, std, basis, scale = (part.to(device) for part in (self.mean, self.std, self.basis, self.scale))
        for view in range(views):
            for start in range(0, count, _BLOCK):
                joined = torch.from_numpy(_join(groups, view, slice(start, start + _BLOCK))).to(device)
                standard = ((joined - mean) / std).clamp(-_CLIP, _CLIP)
                result[view, start : start + len(joined)] = (standard @ basis / scale).half().cpu()
        return result


def fit_head_features(groups: list[FeatureArray], rows: NDArray[np.int64], *, seed: int) -> HeadFeatures:
    """Finds the principal components of up to 8,000 audited faces, each the mean of its two views.

    Args:
        groups: (V, N, D_g) a group.
        rows: Audited rows, (n,).
        seed: Chooses the faces and starts the randomised decomposition.
    """
    some = np.sort(np.random.default_rng(seed).permutation(rows)[:_FIT_ROWS])
    joined: FloatArray = np.mean([_join(groups, view, some) for view in range(len(groups[0]))], axis=0)
    mean, std = joined.mean(axis=0), joined.std(axis=0) + 1e-6
    standard = np.clip((joined - mean) / std, -_CLIP, _CLIP)
    components = min(HEAD_FEATURES, *standard.shape)
    _, _, directions = randomized_svd(standard, components, n_iter=2, random_state=seed)
    basis = np.ascontiguousarray(directions.T.astype(np.float32))
    # One scale for all keeps the components' order of size; a third of the first lets small ones speak.
    scale = np.full(components, (standard @ basis)[:, 0].std() / 3.0 + 1e-6, dtype=np.float32)
    return HeadFeatures(*(torch.from_numpy(part.astype(np.float32)) for part in (mean, std, basis, scale)))


def view_means(groups: list[FeatureArray], rows: NDArray[np.int64]) -> list[NDArray[np.float16]]:
    """The mean over views of some rows' features, one (n, D_g) array a group, float16."""
    return [_view_mean(group, rows) for group in groups]


def _view_mean(group: FeatureArray, rows: NDArray[np.int64]) -> NDArray[np.float16]:
    result = np.empty((len(rows), group.shape[2]), dtype=np.float16)
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK]
        result[start : start + len(some)] = group[:, some].astype(np.float32).mean(axis=0)
    return result


def _join(groups: list[FeatureArray], view: int, rows: NDArray[np.int64] | slice) -> FloatArray:
    return np.concatenate([np.asarray(group[view, rows], dtype=np.float32) for group in groups], axis=1)
