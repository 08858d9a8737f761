"""A matplotlib figure -> SVG that belongs in a page.

The same figure gives the same text: no date, no version, ids from a salt. Words stay words, in the page's own font.
Ink and lines take the page's colours, so that one figure serves light, dark and paper. Ids that nothing refers to are
dropped and the others carry the figure's name, since all figures of a page share one document.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK = "#010101"
"""What text is drawn in; becomes the page's text colour."""
LINE = "#020202"
"""What axes and grids are drawn in; becomes the page's colour of rules."""

SUGGESTION = "#0072B2"
"""The colour of suggestions; the page has a lighter one for the dark."""

_POINTS_A_PIXEL = 0.75
_PAGE_COLOURS = {INK: "currentColor", LINE: "var(--rule)", SUGGESTION.lower(): "var(--suggestion)"}
_REFERENCE = re.compile(r"#([\w.-]+)")
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "ytick.major.size": 0.0,
    "figure.facecolor": "none",
    "lines.linewidth": 1.8,
    "lines.markersize": 5.0,
}


@dataclass(frozen=True)
class Drawing:
    """A figure for a page.

    Attributes:
        svg: The picture.
        alt: Its finding in words, for who cannot see it.
        caption: What is drawn, and from how many samples.
    """

    svg: Markup
    alt: str
    caption: str


@contextmanager
def drawing(name: str, *, width: int, height: int) -> Iterator[tuple[Figure, Axes]]:
    """Gives an empty figure in the page's style; the process's own style is left as it was.

    Args:
        name: Unique in its page.
        width: In CSS pixels at which text has its true size.
        height: Likewise.
    """
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
        inches = _POINTS_A_PIXEL / 72
        figure = Figure(figsize=(width * inches, height * inches), layout="constrained")
        figure.set_gid(name)
        yield figure, figure.add_subplot()


def to_svg(figure: Figure) -> Markup:
    """The figure as an ``svg`` element without a role or a name: who places it gives it both."""
    buffer = io.StringIO()
    write: Any = FigureCanvasSVG(figure).print_svg  # without types in matplotlib
    write(buffer, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ElementTree.fromstring(buffer.getvalue())  # noqa: S314 - what was just written here
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("metadata", "style")):
                parent.remove(child)
    referred = {
        name
        for element in root.iter()
        for key, value in element.attrib.items()
        if key.endswith("href") or value.startswith("url(")
        for name in _REFERENCE.findall(value)
    }
    prefix = f"{figure.get_gid()}-"
    for element in root.iter():
        element.tag = _local(element.tag)
        attributes = {_local(key): value for key, value in element.attrib.items()}
        element.attrib.clear()
        element.attrib.update({key: _attribute(key, value, prefix) for key, value in attributes.items()})
        if attributes.get("id") not in referred:
            element.attrib.pop("id", None)
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704 - our own, parsed and written anew


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _attribute(key: str, value: str, prefix: str) -> str:
    if key == "id":
        return prefix + value
    if key == "href" or value.startswith("url("):
        return value.replace("#", f"#{prefix}", 1)
    if key == "style":
        parts = [part.strip() for part in value.split(";")]
        value = "; ".join(part for part in parts if not part.startswith("font-family"))
        for drawn, shown in _PAGE_COLOURS.items():
            value = value.replace(drawn, shown)
    return value
