from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit import checksum
from labelaudit.checksum import block_checksums


def test_a_checksum_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksum, "_BLOCK", 4)
    (tmp_path / "file").write_bytes(b"labelaudit")
    assert block_checksums(tmp_path / "file") == [zlib.crc32(part) for part in (b"labe", b"laud", b"it")]
    (tmp_path / "empty").write_bytes(b"")
    assert block_checksums(tmp_path / "empty") == []


@given(content=st.binary(min_size=1, max_size=100), bit=st.integers(min_value=0))
def test_one_bit_is_enough(tmp_path_factory: pytest.TempPathFactory, content: bytes, bit: int) -> None:
    path = tmp_path_factory.mktemp("checksum") / "file"
    path.write_bytes(content)
    before = block_checksums(path)
    flipped = bytearray(content)
    flipped[bit // 8 % len(content)] ^= 1 << bit % 8
    path.write_bytes(flipped)
    assert block_checksums(path) != before
