from __future__ import annotations

import pickle

import pytest

from labelaudit import errors
from labelaudit.errors import LabelAuditError

KINDS = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, LabelAuditError)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_is_one_line_whatever_names_stand_in_it(kind: type[LabelAuditError]) -> None:
    error = kind("the file a\r\nb\u2028c\x85d cannot be read")
    assert str(error) == "the file a b c d cannot be read"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
