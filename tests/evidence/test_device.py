from __future__ import annotations

import pytest
import torch
from torch._utils import _get_device_index

from labelaudit.asm.ranks import Ranks
from labelaudit.errors import SettingsError
from labelaudit.evidence import device as device_module
from labelaudit.evidence.device import build_accelerator, open_device, repeatable

CPU = torch.device("cpu")


def _only_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_auto_takes_the_fastest_there_is(monkeypatch: pytest.MonkeyPatch):
    _only_cpu(monkeypatch)
    assert open_device("auto") == CPU
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert open_device("auto") == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert open_device("auto") == torch.device("cuda", 0)


def test_a_device_that_is_there_is_opened(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert open_device("cpu") == CPU
    assert open_device("cuda:1") == torch.device("cuda", 1)
    assert open_device("cuda") == torch.device("cuda", 0)
    with pytest.raises(SettingsError, match="no device cuda:2 here"):
        open_device("cuda:2")


def test_of_several_processes_each_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch):
    ranks = Ranks(5, 8, local_rank=1, local_size=4)
    monkeypatch.setattr(device_module, "current_ranks", lambda: ranks)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert open_device("auto") == open_device("cuda") == torch.device("cuda", 1)
    assert open_device("cpu") == CPU
    with pytest.raises(SettingsError, match="8 processes cannot share --device cuda:0"):
        open_device("cuda:0")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(SettingsError, match="4 processes on a machine with 2 GPUs; start one a GPU"):
        open_device("auto")
    _only_cpu(monkeypatch)
    assert open_device("auto") == CPU


@pytest.mark.parametrize("choice", ["cuda", "cuda:1", "mps", "meta", "xpu"])
def test_a_device_that_is_not_there_is_refused(choice: str, monkeypatch: pytest.MonkeyPatch):
    _only_cpu(monkeypatch)
    with pytest.raises(SettingsError, match=f"no device {choice} here; use --device cpu"):
        open_device(choice)


@pytest.mark.parametrize("choice", ["gpu", "", "cuda:x"])
def test_a_word_that_is_no_device_is_refused(choice: str):
    with pytest.raises(SettingsError, match=r"unknown --device .* one of auto, cpu, cuda"):
        open_device(choice)


def test_every_audit_brings_its_own_precision(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device_module, "fast_dtype", lambda _: torch.bfloat16)
    assert build_accelerator(CPU, mixed=True).mixed_precision == "bf16"
    assert build_accelerator(CPU, mixed=False).mixed_precision == "no"
    monkeypatch.setattr(device_module, "fast_dtype", lambda _: torch.float32)
    plain = build_accelerator(CPU, mixed=True)
    assert plain.mixed_precision == "no"
    assert plain.device == CPU


def test_the_gpu_that_was_chosen_becomes_the_current_one(monkeypatch: pytest.MonkeyPatch):
    """torch.cuda.set_device refuses a device without an index, which this stand-in does as well."""
    current: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: current.append(_get_device_index(device)))
    monkeypatch.setattr("accelerate.Accelerator", lambda **options: options)
    for choice in ("auto", "cuda", "cuda:1"):
        build_accelerator(open_device(choice), mixed=False)
    assert current == [0, 0, 1]


def test_torchs_settings_and_generator_are_put_back():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    threads, benchmark = torch.get_num_threads(), torch.backends.cudnn.benchmark
    torch.set_num_threads(threads + 1)
    try:
        with pytest.raises(KeyboardInterrupt), repeatable(CPU, small=True):
            assert torch.get_num_threads() == 1
            assert torch.backends.cudnn.deterministic
            torch.manual_seed(5)
            torch.rand(9)
            raise KeyboardInterrupt
        assert torch.get_num_threads() == threads + 1
        with repeatable(CPU, small=False):
            assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.rand(3), expected)
    assert torch.backends.cudnn.benchmark == benchmark
    assert not torch.backends.cudnn.deterministic
