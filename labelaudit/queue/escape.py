"""Cells that a spreadsheet would run as a formula, made harmless; and back.

A cell that begins with ``=``, ``+``, ``-``, ``@`` or their full-width forms, a tab or a line's end gets a ``'`` before
it. So does one that begins like an escaped cell, so that every text comes back as it was. Source: OWASP, CSV Injection.
"""

from __future__ import annotations

import re

_FORMULA = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_NEEDS_ESCAPE = re.compile(f"'*{_FORMULA}")
_IS_ESCAPED = re.compile(f"'+{_FORMULA}")


def escaped(cell: str) -> str:
    """The cell as a csv file may hold it."""
    return f"'{cell}" if _NEEDS_ESCAPE.match(cell) else cell


def unescaped(cell: str) -> str:
    """The cell as it was before ``escaped``; other text as it is."""
    return cell[1:] if _IS_ESCAPED.match(cell) else cell
