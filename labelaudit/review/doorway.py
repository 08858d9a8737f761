"""How a browser is told the address of the review page, token and all, without anybody else being told.

Command lines can be read by everybody on a machine, and a browser is opened by one. So it is given a small page that
only this user can read, and the page goes on to the address. It lies beside the decisions: in the user's own folder,
where browsers that live in a sandbox may look, as they may not in the system's folder for temporary files.
"""

from __future__ import annotations

import html
import os
import secrets
from pathlib import Path

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={address}">
<title>labelaudit review</title>
<p><a href="{address}">Open the review page</a></p>
</html>
"""


def write_doorway(folder: Path, address: str) -> Path:
    """Writes the page; remove it when the server ends.

    Args:
        folder: An existing folder of the user.
        address: What a browser is to open.

    Returns:
        The page, under a name that nobody can guess.

    Raises:
        OSError: The folder cannot be written.
    """
    page = folder.resolve() / f".labelaudit-{secrets.token_hex(8)}.html"
    descriptor = os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(_PAGE.format(address=html.escape(address)))
    return page
