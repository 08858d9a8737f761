from __future__ import annotations

import pytest

from labelaudit.report.words import chance, distrust_sentence, share_of, shown


@pytest.mark.parametrize(
    ("p", "said"),
    [(1.0, "over 99 %"), (0.991, "over 99 %"), (0.99, "99 %"), (0.434, "43 %"), (0.01, "1 %"), (0.004, "under 1 %")],
)
def test_a_probability_is_never_called_certain(p, said):
    assert chance(p) == said


def test_no_share_of_nothing():
    assert (share_of(1, 8), share_of(0, 0)) == ("12.5 %", "")


def test_what_cannot_be_printed_is_spelled_out():
    assert shown("a\x1b[31m\u202eb\n") == r"a\x1b[31m\u202eb\n"


def test_the_first_three_reasons_for_distrust_are_told():
    assert distrust_sentence(["a"]) == "these verdicts are not to be trusted: a"
    assert distrust_sentence(list("abc")).endswith(": a; b; c")
    assert distrust_sentence(list("abcd")).endswith(": a; b; c; and 1 more reason")
    assert distrust_sentence(list("abcdef")).endswith("; and 3 more reasons")
