from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.errors import GateError
from labelaudit.gate.allow_list import AllowList, allow_line, parse_allow_list, read_allow_list, write_accepted
from labelaudit.gate.findings import Finding
from labelaudit.gate.limits import Kind

HASH, OTHER = "ab" * 32, "cd" * 32


def finding(sha: str | None = HASH, label: str | None = "happy", *, name: str = "a/1.png") -> Finding:
    return Finding(Kind.MISLABELLED, True, name, name, label, "sad", 0.8, 0.9, sha, None)


def test_a_sample_is_accepted_with_the_label_that_was_accepted(tmp_path):
    path = tmp_path / "allow.txt"
    path.write_text(f"# why\n\n{HASH.upper()}  happy  # Ann: closed eyes\n{OTHER} # any label\n", encoding="utf-8")
    allowed = read_allow_list(path)
    assert len(allowed) == 2
    assert allowed.accepts(HASH, "happy")
    assert not allowed.accepts(HASH, "sad")
    assert not allowed.accepts(HASH, None)
    assert allowed.accepts(OTHER, "sad")
    assert allowed.accepts(OTHER, None)
    assert not allowed.accepts(None, "happy")


def test_rows_are_looked_up_in_columns():
    allowed = AllowList({HASH: frozenset({"happy"}), OTHER: frozenset({None})})
    labels = pa.array(["happy", "sad", "sad", None, "happy"]).dictionary_encode()
    table = pa.table({"content_sha256": [HASH, HASH, OTHER, OTHER, None], "given_label": labels})
    assert allowed.accepted_of(table).tolist() == [True, False, True, True, False]


@pytest.mark.parametrize("line", ["happy", "ab" * 31, "ab" * 32 + "happy", f'{HASH} "happy', f'{HASH} "\\x"'])
def test_a_line_that_is_none_is_named(tmp_path, line):
    path = tmp_path / "allow.txt"
    path.write_text(f"{OTHER} sad\n{line}\n", encoding="utf-8")
    with pytest.raises(GateError, match=r"allow\.txt, line 2"):
        read_allow_list(path)


def test_a_list_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(GateError, match="is the path of the allow-list right"):
        read_allow_list(tmp_path / "none.txt")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(GateError, match="not UTF-8"):
        read_allow_list(tmp_path / "bytes")


def test_accepting_adds_to_the_list_and_changes_no_line(tmp_path):
    path = tmp_path / "allow.txt"
    path.write_text(f"# ours\n{OTHER} sad # no line's end", encoding="utf-8")
    found = [finding(), finding(), finding(OTHER, "sad"), finding(None), finding(OTHER, "happy", name="a\nb")]
    assert write_accepted(path, found, why="Ann  looked") == 2
    assert path.read_text(encoding="utf-8") == (
        f"# ours\n{OTHER} sad # no line's end\n{HASH}  happy  # Ann looked a/1.png\n{OTHER}  happy  # Ann looked a b\n"
    )
    assert write_accepted(path, found, why="again") == 0


def test_a_new_list_says_what_it_is(tmp_path):
    path = tmp_path / "allow.txt"
    write_accepted(path, [finding()], why="")
    first, second = path.read_text(encoding="utf-8").splitlines()
    assert first.startswith("# Samples that labelaudit check accepts")
    assert second == f"{HASH}  happy  # a/1.png"


@given(st.text(min_size=1), st.text())
def test_any_label_reads_back(label, why):
    line = allow_line(finding(label=label), why=why)
    assert "\n" not in line
    assert parse_allow_list(f"{line}\n", where="x").accepts(HASH, label)
