from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from labelaudit.errors import WeightsError
from labelaudit.nets.tensorfile import parse_tensors, read_bytes, save_tensors

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.ones(1)}


def _saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


class _Runs:
    """A pickle of this would create a file if its code were run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("w.safetensors", safetensors.torch.save(TENSORS)),
        ("w.pt", _saved(TENSORS)),
        ("W.PTH", _saved({"epoch": 3, "state_dict": TENSORS})),
        ("w.ckpt", _saved({"model": {"state_dict": TENSORS}, "name": "x"})),
    ],
)
def test_tensors_are_found_in_every_format_and_wrapper(name: str, content: bytes):
    found = parse_tensors(content, Path(name))
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[key], value) for key, value in TENSORS.items())


def test_code_is_never_run(tmp_path: Path):
    mark = tmp_path / "ran"
    with pytest.raises(WeightsError, match=r"w\.pt is damaged or holds code .*state_dict\(\) as \.safetensors"):
        parse_tensors(_saved({"a": torch.ones(1), "b": _Runs(mark)}), Path("w.pt"))
    assert not mark.exists()


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"no weights at all", _saved(TENSORS)[:200], safetensors.torch.save(TENSORS)[:30]]
)
def test_damaged_files_are_refused_in_one_line(name: str, content: bytes):
    with pytest.raises(WeightsError, match=name) as caught:
        parse_tensors(content, Path(name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [[torch.ones(1)], {"epoch": 1}, torch.ones(2)])
def test_files_without_named_tensors_are_refused(value: Any):
    with pytest.raises(WeightsError, match="holds no tensors by name"):
        parse_tensors(_saved(value), Path("w.pt"))


def test_other_suffixes_are_refused():
    with pytest.raises(WeightsError, match=r"w\.npz is no weights file"):
        parse_tensors(b"", Path("w.npz"))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(WeightsError, match=r"cannot read weights from .*gone"):
        read_bytes(tmp_path / "gone.pt")


def test_what_is_saved_is_read(tmp_path: Path):
    save_tensors(TENSORS, tmp_path / "w.safetensors", metadata={"by": "us"})
    found = parse_tensors((tmp_path / "w.safetensors").read_bytes(), tmp_path / "w.safetensors")
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


def test_a_disk_that_takes_no_more_is_said_in_one_line(tmp_path: Path):
    with pytest.raises(WeightsError, match=r"cannot write weights to .*make room") as refused:
        save_tensors(TENSORS, tmp_path / "no such folder" / "w.safetensors", metadata={})
    assert "\n" not in str(refused.value)
