"""A dataset of the Hugging Face Hub by its name; where the Hub does not answer, what the library's cache holds of it.

Left to itself the library asks a Hub that it cannot reach six times, half a minute long, and logs each time. So the
Hub is asked once and for a few seconds; without an answer the library is told that it is offline.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType

from labelaudit.errors import SourceError
from labelaudit.source.draft import Draft
from labelaudit.source.huggingface import hub_draft, library, one_line
from labelaudit.source.options import SourceOptions

PREFIX = "hf://"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?", re.ASCII)
_PATIENCE = 4.0
"""Seconds that the Hub has to answer."""


def may_be_hub_name(text: str) -> bool:
    """Whether a text can be ``owner/name`` or ``hf://name`` and no path that somebody mistyped."""
    if text.startswith(PREFIX):
        return True
    owner, slash, _ = text.partition("/")
    return bool(slash) and _NAME.fullmatch(text) is not None and not os.path.exists(owner)  # noqa: PTH110


def read_hub(name: str, options: SourceOptions) -> Draft:
    """Reads a dataset of the hub by its name, from the library's cache where it is there.

    Raises:
        SourceError: The library is missing, or the dataset cannot be had.
    """
    name = name.removeprefix(PREFIX)
    if _NAME.fullmatch(name) is None:
        raise SourceError(f"{name!r} is no name of a Hugging Face dataset; names are owner/name")
    datasets = library()
    answered = _answers(name)
    try:
        with nullcontext() if answered else _offline(datasets):
            found = datasets.load_dataset(name)
    except Exception as error:  # network, access, scripts: the library raises many kinds
        said = f"{name!r} is no file or folder"
        if not answered:
            raise SourceError(
                f"{said}, and the Hugging Face Hub cannot be reached to look there: check the path, or the network"
            ) from error
        raise SourceError(f"{said}, and no Hugging Face dataset that can be had: {one_line(error)}") from error
    from huggingface_hub.constants import HF_HUB_CACHE  # comes with the library

    caches = [Path(datasets.config.HF_DATASETS_CACHE), Path(HF_HUB_CACHE)]
    draft = hub_draft(found, options, where=name, roots=caches)
    if not answered:
        draft.assumed.append("the Hugging Face Hub cannot be reached: read from its library's cache")
    return draft


def _answers(name: str) -> bool:
    """Whether the Hub says anything about a dataset within ``_PATIENCE``, be it that there is none."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    answered = threading.Event()

    def ask() -> None:
        try:
            HfApi().dataset_info(name, timeout=_PATIENCE)
        except (HfHubHTTPError, ValueError):  # no such dataset, no access, no such name: loading says which
            pass
        except Exception:  # no network, no such host, a proxy that fails: each version raises others
            return
        answered.set()

    # In a thread, for looking up a host's name knows no time limit.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    return answered.is_set()


@contextmanager
def _offline(datasets: ModuleType) -> Iterator[None]:
    """Tells the library for a while that it is offline; it reads the environment only when it is imported."""
    from huggingface_hub import constants

    switches = [(constants, "HF_HUB_OFFLINE"), (datasets.config, "HF_HUB_OFFLINE")]
    before = [getattr(module, name, False) for module, name in switches]
    try:
        for module, name in switches:
            setattr(module, name, True)
        yield
    finally:
        for (module, name), value in zip(switches, before, strict=True):
            setattr(module, name, value)
