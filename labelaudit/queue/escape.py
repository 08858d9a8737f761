"""Cells that a spreadsheet would run as a formula, made harmless; and back.

A cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return gets a ``'`` before it. So does one that
begins like an escaped cell, so that every text comes back as it was. Source: OWASP, CSV Injection.
"""

from __future__ import annotations

import re

_NEEDS_ESCAPE = re.compile(r"'*[=+\-@\t\r]")
_IS_ESCAPED = re.compile(r"'+[=+\-@\t\r]")


def escaped(cell: str) -> str:
    """The cell as a csv file may hold it."""
    return f"'{cell}" if _NEEDS_ESCAPE.match(cell) else cell


def unescaped(cell: str) -> str:
    """The cell as it was before ``escaped``; other text as it is."""
    return cell[1:] if _IS_ESCAPED.match(cell) else cell
