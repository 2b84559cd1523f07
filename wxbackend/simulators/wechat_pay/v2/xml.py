"""The XML of API v2, read as strictly as can be: one element, children with text, each once, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from xml.parsers import expat

MESSAGE_BYTES_MAX = 64 * 1024


class BadXmlError(ValueError):
    """Not a flat XML message."""


def document(fields: Mapping[str, str], root: str = "xml") -> bytes:
    """The fields as WeChat writes them; a value that would end its own section is split."""
    inner = "".join(f"<{name}><![CDATA[{_split(value)}]]></{name}>\n" for name, value in fields.items())
    return f"<{root}>{inner}</{root}>".encode()


def parse(body: bytes, root: str = "xml") -> dict[str, str]:
    """The fields of a message. Raises BadXmlError."""
    if len(body) > MESSAGE_BYTES_MAX or b"\0" in body:
        raise BadXmlError("too large, or not UTF-8")
    fields: dict[str, str] = {}
    path: list[str] = []
    text: list[str] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        wrong_root = not path and name != root
        if wrong_root or attributes or len(path) > 1 or name in fields:
            raise BadXmlError(name)
        path.append(name)
        text.clear()

    def hear(heard: str) -> None:
        if len(path) == 1 and heard.strip():
            raise BadXmlError("text outside of a value")
        text.append(heard)

    def end(name: str) -> None:
        path.pop()
        if path:
            fields[name] = "".join(text)

    def refuse(*_: object) -> int:
        raise BadXmlError("more than values")

    parser = expat.ParserCreate("UTF-8")
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, end, hear
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.SkippedEntityHandler = refuse
    parser.ExternalEntityRefHandler = parser.ProcessingInstructionHandler = parser.CommentHandler = refuse
    try:
        parser.Parse(body.decode(), True)  # noqa: FBT003 - expat's own, by position
    except (UnicodeDecodeError, expat.ExpatError) as error:
        raise BadXmlError(str(error)) from error
    return fields


def _split(value: str) -> str:
    return value.replace("]]>", "]]]]><![CDATA[>")
