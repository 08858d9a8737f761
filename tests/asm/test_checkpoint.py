from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from labelaudit.asm import checkpoint
from labelaudit.asm.checkpoint import load_checkpoint, save_checkpoint
from labelaudit.errors import TrainingError


def test_a_nested_state_comes_back(tmp_path: Path):
    path = tmp_path / "new folder" / "fold-1.safetensors"
    shared = torch.arange(6).view(2, 3)
    state = {
        "numbers": {"epochs": 3, "loss": 0.125, "last": math.inf, "flag": True, "none": None, "word": "weiß/{}"},
        "history": [(1, shared.int(), [shared.half()]), (2, torch.zeros(2, 0, 5), [])],
        "by index": {0: shared, 7: {"step": torch.tensor(4.0)}},
        "turned": shared.T,
        "strided": torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last),
    }
    save_checkpoint(path, state)
    found = load_checkpoint(path)
    assert found["numbers"] == state["numbers"]
    assert found["numbers"]["flag"] is True
    (one, thresholds, (half,)), (two, empty, nothing) = found["history"]
    assert (one, two, nothing) == (1, 2, [])
    assert torch.equal(thresholds, shared.int()) and thresholds.dtype == torch.int32
    assert torch.equal(half, shared.half()) and half.dtype == torch.float16
    assert empty.shape == (2, 0, 5)
    assert set(found["by index"]) == {0, 7}
    assert torch.equal(found["by index"][0], shared)
    assert found["by index"][7]["step"].shape == ()
    assert torch.equal(found["turned"], shared.T)
    assert torch.equal(found["strided"], state["strided"])


def test_an_optimiser_goes_on_as_if_nothing_had_happened(tmp_path: Path):
    def after(steps: int, *, saved_at: int | None) -> torch.Tensor:
        torch.manual_seed(1)
        net = nn.Linear(4, 2)
        optimizer = torch.optim.AdamW(net.parameters(), lr=0.1, weight_decay=0.01)
        views = torch.randn(steps, 8, 4)
        for step in range(steps):
            if step == saved_at:
                save_checkpoint(tmp_path / "state", {"net": net.state_dict(), "optimizer": optimizer.state_dict()})
                saved = load_checkpoint(tmp_path / "state")
                net = nn.Linear(4, 2)
                net.load_state_dict(saved["net"])
                optimizer = torch.optim.AdamW(net.parameters(), lr=9.0)
                optimizer.load_state_dict(saved["optimizer"])
            optimizer.zero_grad()
            net(views[step]).square().mean().backward()
            optimizer.step()
        return net.weight.detach()

    assert torch.equal(after(6, saved_at=3), after(6, saved_at=None))


def test_what_a_file_cannot_hold_is_refused(tmp_path: Path):
    with pytest.raises(TypeError, match="cannot hold set at /inner"):
        save_checkpoint(tmp_path / "state", {"inner": {1, 2}})
    assert list(tmp_path.iterdir()) == []


def _one_line(path: Path) -> str:
    with pytest.raises(TrainingError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    assert "--force" in message
    return message


def test_a_file_that_is_not_whole_is_refused_in_one_line(tmp_path: Path):
    path = tmp_path / "fold-1.safetensors"
    save_checkpoint(path, {"weights": torch.rand(100, 100)})
    content = path.read_bytes()
    for damaged in (b"", b"\x00" * 100, content[:50], content[:-1], content + b"more", b"\xff" * 8 + content[8:]):
        path.write_bytes(damaged)
        assert "no readable checkpoint" in _one_line(path)
    path.unlink()
    assert "no readable checkpoint" in _one_line(path)


def test_damage_within_the_outline_is_noticed(tmp_path: Path):
    path = tmp_path / "fold-1.safetensors"
    save_checkpoint(path, {"weights": torch.rand(3), "word": "abc"})
    content = path.read_bytes()
    for old, new in ((b"/weights\\", b"/weighs_\\"), (b'[[\\"weights', b'[{\\"weights'), (b'"outline"', b'"outlime"')):
        assert content.count(old) >= 1
        path.write_bytes(content.replace(old, new))
        assert "no readable checkpoint" in _one_line(path)


def test_damage_within_the_tensors_is_noticed(tmp_path: Path):
    path = tmp_path / "fold-1.safetensors"
    save_checkpoint(path, {"weights": torch.rand(100)})
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(content)
    assert "no readable checkpoint" in _one_line(path)


def test_another_version_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "fold-1.safetensors"
    save_file({"weights": torch.rand(3)}, str(path))
    assert "version None" in _one_line(path)
    monkeypatch.setattr(checkpoint, "CHECKPOINT_VERSION", 99)
    save_checkpoint(path, {"weights": torch.rand(3)})
    monkeypatch.undo()
    assert "version 99" in _one_line(path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "fold-1.safetensors"
    save_checkpoint(path, {"epochs_done": 1})

    def fail(_tensors: object, aside: str, **_options: object) -> None:
        Path(aside).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", fail)
    with pytest.raises(TrainingError, match=r"cannot write .*fold-1\.safetensors.*No space left"):
        save_checkpoint(path, {"epochs_done": 2})
    assert load_checkpoint(path) == {"epochs_done": 1}
    assert list(tmp_path.iterdir()) == [path]
