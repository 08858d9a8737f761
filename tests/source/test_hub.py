"""Hugging Face datasets by their names, with and without a Hub that answers."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labelaudit.errors import SourceError
from labelaudit.source import hub
from labelaudit.source.detect import open_source
from labelaudit.source.hub import may_be_hub_name

datasets = pytest.importorskip("datasets")
huggingface_hub = pytest.importorskip("huggingface_hub")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("owner/name", True),
        ("hf://mnist", True),
        ("mnist", False),
        ("a/b/c", False),
        ("./name", False),
        ("../name", False),
        ("/name", False),
        ("owner/", False),
        ("faces set/a", False),
    ],
)
def test_names(text: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert may_be_hub_name(text) is expected


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hub that knows every dataset."""
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *_, **__: None)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Hub that takes connections and says nothing, on a machine that does not know it is offline."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)
        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", endpoint)
        monkeypatch.setattr(hub, "_PATIENCE", 0.3)
        yield


@pytest.mark.parametrize("name", ["owner/faces", "hf://owner/faces"])
def test_offline(name: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(name)
    assert str(caught.value) == (
        "'owner/faces' is no file or folder, and the Hugging Face Hub cannot be reached to look there: "
        "check the path, or the network"
    )


def test_a_hub_that_does_not_answer(silent: None, caplog: pytest.LogCaptureFixture) -> None:
    start = time.perf_counter()
    with pytest.raises(SourceError, match="cannot be reached"):
        open_source("owner/faces")
    assert time.perf_counter() - start < 3  # six tries of the library's own take half a minute
    assert not caplog.records
    assert not huggingface_hub.constants.HF_HUB_OFFLINE
    assert not datasets.config.HF_HUB_OFFLINE


def test_the_cache_serves_offline(part, silent: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str):
        assert datasets.config.HF_HUB_OFFLINE
        assert huggingface_hub.constants.HF_HUB_OFFLINE
        return part

    monkeypatch.setattr(datasets, "load_dataset", load)
    source = open_source("owner/faces")
    assert len(source.table) == 3
    assert "the Hugging Face Hub cannot be reached: read from its library's cache" in source.assumed


def test_by_name(part, answering: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load_dataset", {"owner/faces": datasets.DatasetDict({"train": part})}.__getitem__)
    source = open_source("owner/faces")
    assert source.format == "huggingface"
    assert source.why == "owner/faces is a Hugging Face dataset"
    assert source.table.split == ["train"] * 3


def test_what_the_hub_refuses(answering: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise FileNotFoundError(f"Dataset {name}\nis gated")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(SourceError) as caught:
        open_source("owner/faces")
    assert str(caught.value) == (
        "'owner/faces' is no file or folder, and no Hugging Face dataset that can be had: Dataset owner/faces is gated"
    )


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(SourceError, match=r"pip install 'labelaudit\[hf\]'"):
        open_source("owner/faces")
