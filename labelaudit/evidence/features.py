"""A frozen trunk's features of a dataset, computed once and cached, and a shorter form of them for the heads.

The cache is a folder ``<cache>/features/<key>/`` with one ``.npy`` a group of features and ``meta.json`` written last:
without it the folder is not whole, however much it holds. It has checksums of the groups, which are compared when they
are opened. The key names the pixels, the weights, the network, its input size, the precision and the views. One process
builds, others wait for it.

Ridge wants the groups as they are. The heads get their ``HEAD_FEATURES`` first principal components (Halko, Martinsson,
Tropp 2011, as scikit-learn has it), which are a twelfth of MobileFaceNet's and train that much faster.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelaudit.asm.batches import standardise
from labelaudit.asm.ranks import ONE, Ranks
from labelaudit.checksum import block_checksums
from labelaudit.errors import CacheError, RunFolderError
from labelaudit.evidence.shared_features import shared_features
from labelaudit.nets.features import MIRRORED, PLAIN, FeatureArray
from labelaudit.nets.inputs import fast_dtype
from labelaudit.nets.interface import Net
from labelaudit.pixels.store import PixelStore
from labelaudit.records import FloatArray, Progress, Stage, no_progress
from labelaudit.rundir import locked, write_json

HEAD_FEATURES = 512
VIEWS = (PLAIN, MIRRORED)
_META = "meta.json"
_FIT_ROWS = 8_000
_BLOCK = 4_096


def load_trunk_features(
    net: Net,
    store: PixelStore,
    *,
    weights_sha256: str,
    cache_dir: Path,
    device: torch.device,
    ranks: Ranks = ONE,
    progress: Progress = no_progress,
) -> list[FeatureArray]:
    """Features of all N rows of a store in every view: one float16 memory map (V, N, D_g) a group.

    Args:
        net: Its trunk, with the weights that the hash names.
        store: The pixels.
        weights_sha256: Names the weights.
        cache_dir: The user's cache folder.
        device: Where the trunk runs.
        ranks: Processes that compute them together; the first one reads and writes, the others get an empty list.
        progress: Told of faces done.

    Raises:
        CacheError: The cache cannot be written, or there is not enough room.
    """
    named = [store.key, weights_sha256, net.spec.name, net.spec.size, str(fast_dtype(device)), device.type]
    key = hashlib.sha256(json.dumps([named, [asdict(view) for view in VIEWS]]).encode()).hexdigest()[:40]
    folder = cache_dir / "features" / key

    def wait() -> None:
        progress(Stage("waiting for another labelaudit to compute features", 0, 0, "faces"))

    if not ranks.is_first:
        if ranks.tell():
            shared_features(net, store.pixels, views=VIEWS, device=device, ranks=ranks)
        return []
    found = _open_features(folder, len(store))
    built = False
    try:
        if found is None:
            with locked(folder, waiting=wait):
                found = _open_features(folder, len(store))  # another process may have built them meanwhile
                if found is None:
                    ranks.tell(True)
                    found = _build_features(folder, net, store, device, ranks, progress)
                    built = True
    except (OSError, RunFolderError) as error:
        why = getattr(error.__cause__ or error, "strerror", None) or error
        raise CacheError(
            f"cannot use the cache folder {cache_dir}: {why}; name another one with --cache-dir"
        ) from error
    if not built:  # computing told its own progress
        ranks.tell(False)
        progress(Stage("features", len(store), len(store), "faces"))
    return found


def _open_features(folder: Path, rows: int) -> list[FeatureArray] | None:
    """What a folder holds, mapped read-only; None where that is not whole."""
    try:
        written = json.loads((folder / _META).read_text(encoding="utf-8"))["groups"]
        if any(block_checksums(folder / name) != checksums for name, checksums in written.items()):
            return None
        found = [np.load(folder / name, mmap_mode="r") for name in written]
    except (OSError, ValueError, EOFError, LookupError, TypeError, AttributeError):
        return None
    return found if all(group.shape[1] == rows for group in found) else None


def _build_features(
    folder: Path, net: Net, store: PixelStore, device: torch.device, ranks: Ranks, progress: Progress
) -> list[FeatureArray]:
    """Computes features into a folder; a mark of something older goes first, and the new one comes last."""
    (folder / _META).unlink(missing_ok=True)
    names: list[str] = []
    free = shutil.disk_usage(folder).free

    def allocate(name: str, shape: tuple[int, ...]) -> FeatureArray:
        nonlocal free
        free -= math.prod(shape) * np.dtype(np.float16).itemsize
        if free < 0:
            raise CacheError(
                f"the cache folder has no room for features of {shape[1]:,} faces; "
                "make some, or name another one with --cache-dir"
            )
        names.append(f"{name}.npy")
        path = folder / names[-1]
        path.unlink(missing_ok=True)  # whoever has mapped an older one keeps it
        array: FeatureArray = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
        _write_room(path)
        return array

    for array in shared_features(
        net, store.pixels, views=VIEWS, device=device, ranks=ranks, allocate=allocate, progress=progress
    ):
        if isinstance(array, np.memmap):
            array.flush()
    write_json(folder / _META, {"groups": {name: block_checksums(folder / name) for name in names}})
    found = _open_features(folder, len(store))
    assert found is not None
    return found


def _write_room(path: Path) -> None:
    """Has the disk set a file's room aside: filling up while a map is written would end the process without a word."""
    if hasattr(os, "posix_fallocate"):
        with open(path, "rb+") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


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
                components = standardise(joined, mean, std) @ basis / scale
                result[view, start : start + len(joined)] = components.half().cpu()
        return result


def fit_head_features(groups: list[FeatureArray], rows: NDArray[np.int64], *, seed: int) -> HeadFeatures:
    """Finds the principal components of up to 8,000 audited faces, each the mean of its two views.

    Args:
        groups: (V, N, D_g) a group.
        rows: Audited rows, (n,).
        seed: Chooses the faces and starts the randomised decomposition.
    """
    from sklearn.utils.extmath import randomized_svd  # slow to import, and only fitting needs it

    some = np.sort(np.random.default_rng(seed).permutation(rows)[:_FIT_ROWS])
    joined: FloatArray = np.mean([_join(groups, view, some) for view in range(len(groups[0]))], axis=0)
    mean, std = joined.mean(axis=0), joined.std(axis=0) + 1e-6
    standard = standardise(*(torch.from_numpy(part) for part in (joined, mean, std))).numpy()
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
