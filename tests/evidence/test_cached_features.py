from __future__ import annotations

import shutil
import threading
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from labelaudit.errors import CacheError
from labelaudit.evidence import features, threads
from labelaudit.evidence.features import fit_head_features, load_trunk_features, view_means
from labelaudit.nets.features import MIRRORED, PLAIN, trunk_features
from labelaudit.nets.interface import Net
from labelaudit.nets.registry import build_net
from labelaudit.pixels.store import PixelStore
from labelaudit.records import PixelFacts, Progress, Stage, no_progress

CPU = torch.device("cpu")
COUNT = 70


@pytest.fixture(scope="module")
def net() -> Net:
    torch.manual_seed(0)
    return build_net("resnet-small", num_classes=2, size=16)


@pytest.fixture
def store(tmp_path: Path) -> PixelStore:
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 16, 16, 3), dtype=np.uint8)
    nothing = cast(PixelFacts, None)  # features need no facts
    return PixelStore(
        pixels, nothing, np.full(COUNT, -1, np.int32), key="abc", folder=tmp_path, reused=False, note=None
    )


def _load(net: Net, store: PixelStore, cache: Path, *, sha256: str = "1", progress: Progress = no_progress):
    return load_trunk_features(net, store, weights_sha256=sha256, cache_dir=cache, device=CPU, progress=progress)


def _folder(cache: Path) -> Path:
    (folder,) = (cache / "features").iterdir()
    return folder


@pytest.fixture
def expected(net: Net, store: PixelStore) -> list[np.ndarray]:
    return trunk_features(net, store.pixels, views=(PLAIN, MIRRORED))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever the trunk runs."""
    found: list[int] = []
    real = features.shared_features

    def counted(*values: object, **options: object) -> object:
        found.append(1)
        return real(*values, **options)

    monkeypatch.setattr(features, "shared_features", counted)
    return found


def _assert_equal(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert len(found) == len(expected) == 3
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_features_are_computed_once(
    net: Net, store: PixelStore, expected: list[np.ndarray], calls: list[int], tmp_path: Path
):
    told: list[Stage] = []
    _assert_equal(_load(net, store, tmp_path, progress=told.append), expected)
    done = [stage.done for stage in told]
    assert done == sorted(done)
    assert done[-1] == 70
    told.clear()
    again = _load(net, store, tmp_path, progress=told.append)
    _assert_equal(again, expected)
    assert [(stage.name, stage.done, stage.total) for stage in told] == [("features", COUNT, COUNT)]
    assert len(calls) == 1
    assert all(isinstance(group, np.memmap) and not group.flags.writeable for group in again)


def test_the_key_names_all_that_features_depend_on(net: Net, store: PixelStore, calls: list[int], tmp_path: Path):
    _load(net, store, tmp_path)
    _load(net, store, tmp_path, sha256="2")
    _load(net, replace(store, key="other"), tmp_path)
    _load(build_net("resnet-small", num_classes=2, size=32), store, tmp_path)
    assert len(calls) == len(list((tmp_path / "features").iterdir())) == 4
    _load(build_net("resnet-small", num_classes=5, size=16), store, tmp_path)  # the head has no part in it
    assert len(calls) == 4


@pytest.mark.parametrize("after", [0, 1])
def test_a_killed_build_is_never_taken_as_whole(
    net: Net, store: PixelStore, expected: list[np.ndarray], tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(threads, "_AT_ONCE", 32)
    told: list[Stage] = []

    def kill(stage: Stage) -> None:
        told.append(stage)
        if len(told) > after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _load(net, store, tmp_path, progress=kill)
    assert any(path.suffix == ".npy" for path in _folder(tmp_path).iterdir())
    _assert_equal(_load(net, store, tmp_path), expected)


def _delete_all(folder: Path) -> None:
    shutil.rmtree(folder)


def _delete_group(folder: Path) -> None:
    (folder / "stages.2.npy").unlink()


def _cut_group(folder: Path) -> None:
    path = folder / "stages.2.npy"
    path.write_bytes(path.read_bytes()[:-1])


def _empty_group(folder: Path) -> None:
    (folder / "stages.1.npy").write_bytes(b"")


def _flip_one_bit(folder: Path) -> None:
    path = folder / "stages.1.npy"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def _other_rows(folder: Path) -> None:
    np.save(folder / "stages.1.npy", np.zeros((2, COUNT - 1, 5), dtype=np.float16))


def _spoil_meta(folder: Path) -> None:
    (folder / "meta.json").write_text('{"groups": ', encoding="utf-8")


def _other_meta(folder: Path) -> None:
    (folder / "meta.json").write_text("[]", encoding="utf-8")


@pytest.mark.parametrize(
    "spoil",
    [_delete_all, _delete_group, _cut_group, _empty_group, _flip_one_bit, _other_rows, _spoil_meta, _other_meta],
)
def test_a_spoiled_cache_is_built_anew(
    net: Net, store: PixelStore, expected: list[np.ndarray], calls: list[int], tmp_path: Path, spoil
):
    _load(net, store, tmp_path)
    spoil(_folder(tmp_path))

    def kill(stage: Stage) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _load(net, store, tmp_path, progress=kill)
    assert not (_folder(tmp_path) / "meta.json").exists()  # what is being rebuilt is not whole either
    _assert_equal(_load(net, store, tmp_path), expected)
    assert len(calls) == 3


def test_a_rebuild_leaves_alone_what_another_process_has_mapped(
    net: Net, store: PixelStore, expected: list[np.ndarray], tmp_path: Path
):
    mapped = _load(net, store, tmp_path)
    (_folder(tmp_path) / "meta.json").unlink()
    rebuilt = _load(net, replace(store, pixels=255 - store.pixels), tmp_path)
    assert (np.asarray(rebuilt[0]) != np.asarray(mapped[0])).any()
    _assert_equal(mapped, expected)


def test_who_comes_second_waits_and_reuses(
    net: Net, store: PixelStore, expected: list[np.ndarray], calls: list[int], tmp_path: Path
):
    started, waited = threading.Event(), threading.Event()
    told: list[Stage] = []

    def hold(stage: Stage) -> None:
        started.set()
        assert waited.wait(20)

    def second(stage: Stage) -> None:
        told.append(stage)
        waited.set()

    first_found: list[list[np.ndarray]] = []
    first = threading.Thread(target=lambda: first_found.append(_load(net, store, tmp_path, progress=hold)))
    first.start()
    try:
        assert started.wait(20)
        found = _load(net, store, tmp_path, progress=second)
    finally:
        waited.set()
        first.join()
    assert "waiting" in told[0].name
    assert told[-1].name == "features"
    _assert_equal(found, expected)
    _assert_equal(first_found[0], expected)
    assert len(calls) == 1


def test_a_full_disk_is_said_before_it_is_filled(
    net: Net, store: PixelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    usage = namedtuple("usage", "total used free")
    needed = sum(2 * COUNT * width * 2 for width in (64 * 16, 128 * 16, 256 * 4))
    monkeypatch.setattr(features.shutil, "disk_usage", lambda _: usage(10, 10, needed - 1))
    with pytest.raises(CacheError, match="--cache-dir") as caught:
        _load(net, store, tmp_path)
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(features.shutil, "disk_usage", lambda _: usage(10, 10, needed + 10_000))
    _load(net, store, tmp_path)


def test_a_cache_that_cannot_be_written_is_said_in_one_line(net: Net, store: PixelStore, tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CacheError, match=r"cannot use the cache folder .*file.*--cache-dir") as caught:
        _load(net, store, tmp_path / "file")
    assert "\n" not in str(caught.value)


# What the heads are fed.


@pytest.fixture
def groups() -> list[np.ndarray]:
    """Two groups of features in two views, of 40 samples, the last ten of which are not audited."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(40, 3)) * [4.0, 2.0, 1.0]
    wide = np.concatenate([hidden @ rng.normal(size=(3, 20)), np.full((40, 1), 7.0)], axis=1)
    views = wide + 0.01 * rng.normal(size=(2, *wide.shape))
    views[:, 30:] *= 100.0
    return [views[:, :, :8].astype(np.float16), views[:, :, 8:].astype(np.float16)]


def test_view_means_are_the_mean_of_both_views(groups: list[np.ndarray]):
    rows = np.array([5, 0, 31])
    first, second = view_means(groups, rows)
    assert first.shape == (3, 8)
    assert second.dtype == np.float16
    np.testing.assert_allclose(second, groups[1][:, rows].astype(np.float32).mean(axis=0), rtol=1e-3, atol=1e-3)


def test_heads_are_fed_principal_components_of_the_audited_rows(groups: list[np.ndarray]):
    rows = np.arange(30)
    prepare = fit_head_features(groups, rows, seed=0)
    shown = prepare.apply(groups, device=CPU)
    assert shown.shape == (2, 40, 21)  # as many as there are features, at most 512 and at most the rows
    assert shown.dtype == torch.float16
    torch.testing.assert_close(prepare.basis.T @ prepare.basis, torch.eye(21), atol=1e-4, rtol=0)
    mean = np.concatenate(groups, axis=2)[:, :30].astype(np.float64).mean(axis=0)
    standard = np.clip((mean - mean.mean(axis=0)) / (mean.std(axis=0) + 1e-6), -5, 5)
    _, sizes, directions = np.linalg.svd(standard, full_matrices=False)
    fed = shown[:, :30].float().mean(dim=0).numpy()
    assert fed[:, 0].std() == pytest.approx(3.0, rel=0.01)
    for component in range(3):  # what carries signal is what a full decomposition finds, but for the sign
        own = standard @ directions[component] * 3.0 / (sizes[0] / np.sqrt(30))
        assert min(np.abs(fed[:, component] - own).max(), np.abs(fed[:, component] + own).max()) < 0.02


def test_rows_that_are_not_audited_have_no_say(groups: list[np.ndarray]):
    rows = np.arange(30)
    before = fit_head_features(groups, rows, seed=0)
    for group in groups:
        group[:, 30:] = 1.0
    after = fit_head_features(groups, rows, seed=0)
    for name in ("mean", "std", "basis", "scale"):
        assert torch.equal(getattr(before, name), getattr(after, name))


def test_fewer_rows_than_features_give_as_many_components(groups: list[np.ndarray]):
    prepare = fit_head_features(groups, np.arange(6), seed=0)
    shown = prepare.apply(groups, device=CPU)
    assert shown.shape == (2, 40, 6)
    assert torch.isfinite(shown).all()


def test_blocks_of_rows_change_nothing(groups: list[np.ndarray], monkeypatch: pytest.MonkeyPatch):
    prepare = fit_head_features(groups, np.arange(30), seed=0)
    whole, means = prepare.apply(groups, device=CPU), view_means(groups, np.arange(40))
    monkeypatch.setattr(features, "_BLOCK", 7)
    torch.testing.assert_close(prepare.apply(groups, device=CPU), whole, atol=2e-3, rtol=2e-3)
    for one, other in zip(view_means(groups, np.arange(40)), means, strict=True):
        np.testing.assert_array_equal(one, other)
