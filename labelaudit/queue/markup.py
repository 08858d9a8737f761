"""XML out and in. What comes in is not trusted: a document type, and with it every entity, is refused."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from xml.parsers import expat

from labelaudit.errors import DecisionError, QueueError
from labelaudit.rundir import written_aside

# XML 1.0, section 2.2; a carriage return is allowed there but comes back as a line feed.
_NOT_IN_XML = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_xml(target: Path, root: ET.Element, *, declared: bool = True) -> None:
    """Writes a document whole or not at all, in UTF-8, indented.

    Args:
        target: The file to be.
        root: The document.
        declared: Whether it begins with an XML declaration.

    Raises:
        QueueError: A text holds a character that XML has no place for.
        OSError: The file cannot be written.
    """
    for element in root.iter():
        for text in (element.text or "", *element.attrib.values()):
            if _NOT_IN_XML.search(text):
                raise QueueError(f"{text!r} holds a character that XML has no place for; name another --format")
    ET.indent(root)
    with written_aside(target) as aside:
        ET.ElementTree(root).write(aside, encoding="utf-8", xml_declaration=declared)


def parse_xml(content: bytes, where: str) -> ET.Element:
    """Parses a document.

    Args:
        content: The document.
        where: What messages call it.

    Raises:
        DecisionError: It is not well formed, or has a document type.
    """
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(name: str, _system: str | None, _public: str | None, _internal: bool) -> None:
        raise DecisionError(f"{where} declares a document type, {name!r}, which no export of CVAT does; it is not read")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # an encoding that nobody knows, or nobody has
        raise DecisionError(f"{where} is not XML ({error}); export it again") from error
    return builder.close()
