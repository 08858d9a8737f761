from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.error import URLError

import pytest

from labelaudit.errors import WeightsError
from labelaudit.nets import face
from labelaudit.nets.face import PinnedFile, fetch_face_weights

CONTENT = b"the published file"


@pytest.fixture
def published(tmp_path: Path, monkeypatch) -> Path:
    """Stands in for the public file: its own content, hash and address."""
    source = tmp_path / "published.pt"
    source.write_bytes(CONTENT)
    monkeypatch.setattr(face, "SOURCE", source.as_uri())
    monkeypatch.setattr(face, "DOWNLOADED", PinnedFile("face.pt", hashlib.sha256(CONTENT).hexdigest()))
    monkeypatch.setattr(face, "CONVERTED", PinnedFile("face.safetensors", hashlib.sha256(b"converted").hexdigest()))
    return source


def test_downloaded_once_and_then_taken_from_the_cache(published: Path, tmp_path: Path):
    folder = tmp_path / "cache" / "weights"
    assert fetch_face_weights(folder) == (folder / "face.pt", CONTENT)
    published.unlink()
    assert fetch_face_weights(folder) == (folder / "face.pt", CONTENT)
    assert [entry.name for entry in folder.iterdir()] == ["face.pt"]


def test_a_converted_copy_in_the_cache_is_as_good(published: Path, tmp_path: Path):
    published.unlink()
    (tmp_path / "face.safetensors").write_bytes(b"converted")
    assert fetch_face_weights(tmp_path) == (tmp_path / "face.safetensors", b"converted")


def test_an_altered_copy_in_the_cache_is_refused(published: Path, tmp_path: Path):
    (tmp_path / "face.pt").write_bytes(CONTENT + b"!")
    with pytest.raises(WeightsError, match=r"face\.pt is not the published file; delete it and run again \(SHA-256"):
        fetch_face_weights(tmp_path)


def test_an_altered_download_is_not_kept(published: Path, tmp_path: Path):
    published.write_bytes(b"something else")
    folder = tmp_path / "cache"
    with pytest.raises(WeightsError, match="is not the published file"):
        fetch_face_weights(folder)
    assert not folder.exists()


@pytest.mark.parametrize("error", [URLError("no route to host"), TimeoutError("timed out")])
def test_offline_says_what_to_get_and_where_to_put_it(published: Path, tmp_path: Path, monkeypatch, error: Exception):
    def refuse(address: str, timeout: float) -> None:
        raise error

    monkeypatch.setattr(face.urllib.request, "urlopen", refuse)
    with pytest.raises(WeightsError) as caught:
        fetch_face_weights(tmp_path)
    text = str(caught.value)
    assert text.startswith("the face weights cannot be downloaded (")
    assert f"download {face.SOURCE} to {tmp_path / 'face.pt'}, or give --weights FILE" in text
    assert "\n" not in text


def test_a_cache_that_cannot_be_written_is_named(published: Path, tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(WeightsError, match=r"cannot keep the face weights in .*file"):
        fetch_face_weights(blocked / "weights")


def test_the_pins_are_whole_hashes_and_a_fixed_commit():
    for file in (face.DOWNLOADED, face.CONVERTED):
        assert len(bytes.fromhex(file.sha256)) == 32
    owner, repository, commit, *_ = face.SOURCE.removeprefix("https://raw.githubusercontent.com/").split("/")
    assert (owner, repository) == ("foamliu", "MobileFaceNet")
    assert len(bytes.fromhex(commit)) == 20
