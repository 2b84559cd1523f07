"""The one door for XML from outside: small, shallow, and without a DTD, so that no entity can be declared."""

from __future__ import annotations

from typing import Any, Final, NoReturn
from xml.parsers import expat

from wxbackend.domain.errors import UnreadableMessage

XML_BYTES_MAX: Final = 64 * 1024
XML_DEPTH_MAX: Final = 8


def members(document: bytes) -> dict[str, str]:
    """The texts of the root's children; raises `UnreadableMessage` for whatever is not such a document.

    Who wants more of it may give a document that passed here to another parser.
    """
    if len(document) > XML_BYTES_MAX:
        raise UnreadableMessage(f"the XML is larger than {XML_BYTES_MAX} bytes")
    reader = _Reader()
    parser = expat.ParserCreate("UTF-8")
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = reader.opened
    parser.EndElementHandler = reader.closed
    parser.CharacterDataHandler = reader.heard
    try:
        parser.Parse(document, True)  # noqa: FBT003 - expat takes it by place: this is all of it
    except (expat.ExpatError, ValueError) as error:
        raise UnreadableMessage("this is not well-formed XML") from error
    return reader.found


class _Reader:
    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._path: list[str] = []

    def opened(self, name: str, _attributes: Any) -> None:
        self._path.append(name)
        if len(self._path) > XML_DEPTH_MAX:
            raise UnreadableMessage(f"the XML is nested more than {XML_DEPTH_MAX} deep")
        if len(self._path) == 2:
            if name in self.found:
                raise UnreadableMessage("the XML names something twice")
            self.found[name] = ""

    def closed(self, _name: str) -> None:
        self._path.pop()

    def heard(self, text: str) -> None:
        if len(self._path) == 2:
            self.found[self._path[1]] += text


def _refuse(*_declared: Any) -> NoReturn:
    raise UnreadableMessage("the XML declares a document type; none is read here")
