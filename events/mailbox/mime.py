"""A small MIME reader for hostile mail: bounded in size, parts and depth, and it never raises.

The standard library's parser has none of these bounds: a few kilobytes of
nested multiparts exhaust its stack. Here the work is linear in the size,
at most `MAX_DEPTH` times over. RFC 2045, 2046, 2183.
"""

import base64
import binascii
import quopri
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from events.mailbox.charsets import decoded, decoded_header

MAX_BYTES = 512 * 1024
MAX_PARTS = 50
MAX_DEPTH = 10
_MAX_HEADERS = 400
_MAX_VALUE_BYTES = 4 * 1024

_NAME = re.compile(rb"[!-9;-~]{1,76}")
_BOUNDARY = re.compile(rb"""boundary[ \t]*=[ \t]*"?([^"\n;]{1,200})""", re.IGNORECASE)
_DELIMITER = re.compile(rb"^--([^\s-][^\n]{0,199})$", re.MULTILINE)
_PARAMETER = re.compile(r""";\s*([\w!#$&+.^`|~*-]{1,40})\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part of a mail, or the mail itself.

    headers: lower-cased names to unfolded, undecoded values. body: as it
    came, line ends as LF, transfer encoding not undone. parts: of a
    multipart its parts, of an attached message that message.
    """

    headers: Mapping[str, Sequence[str]]
    content_type: str = "text/plain"
    parameters: Mapping[str, str] = field(default_factory=dict)
    is_attachment: bool = False
    body: bytes = b""
    parts: Sequence["Part"] = ()

    def header(self, name: str) -> str:
        """The first value of a header, decoded; empty if there is none."""
        values = self.headers.get(name)
        return decoded_header(values[0]) if values else ""

    def text(self) -> str:
        """The body as text, transfer encoding and character set undone."""
        return decoded(self.content(), self.parameters.get("charset", "utf-8"))

    def content(self) -> bytes:
        """The body, its transfer encoding undone; empty if that is broken beyond use."""
        values = self.headers.get("content-transfer-encoding")
        match values[0].strip().lower() if values else "":
            case "base64":
                return _from_base64(self.body)
            case "quoted-printable":
                return quopri.decodestring(self.body)
            case _:
                return self.body

    def walk(self) -> Iterator["Part"]:
        """This part and all below it, in the order of the text."""
        yield self
        for part in self.parts:
            yield from part.walk()


def parse(raw: bytes) -> Part:
    """The structure of a mail, of which at most `MAX_BYTES` are looked at."""
    text = raw[:MAX_BYTES].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return _Reader().part(text, depth=0)


def parse_headers(raw: bytes) -> Mapping[str, Sequence[str]]:
    """The header block that `raw` begins with (such as text/rfc822-headers)."""
    return _headers(raw[:MAX_BYTES].replace(b"\r\n", b"\n").lstrip(b"\n").partition(b"\n\n")[0])


class _Reader:
    def __init__(self) -> None:
        self._left = MAX_PARTS

    def part(self, raw: bytes, *, depth: int) -> Part:
        self._left -= 1
        if raw.startswith(b"\n"):
            head, body = b"", raw[1:]
        else:
            head, _, body = raw.partition(b"\n\n")
        headers = _headers(head)
        content_type, parameters = _content_type(headers)
        if content_type.startswith("multipart/") and not parameters.get("boundary"):
            parameters = {**parameters, "boundary": _guessed_boundary(head, body)}
        disposition = (headers.get("content-disposition") or ("",))[0].lower().lstrip()
        made = Part(
            headers=headers,
            content_type=content_type,
            parameters=parameters,
            is_attachment=disposition.startswith("attachment"),
            body=body,
        )
        parts = self._parts(made, depth=depth + 1)
        return made if not parts else _with_parts(made, parts)

    def _parts(self, part: Part, *, depth: int) -> Sequence[Part]:
        if depth > MAX_DEPTH:
            return ()
        if part.content_type in ("message/rfc822", "message/global"):
            raws: Sequence[bytes] = (part.content().lstrip(b"\n"),)
        elif part.content_type.startswith("multipart/"):
            raws = _split(part.body, part.parameters.get("boundary", ""), self._left)
        else:
            return ()
        parts = []
        for raw in raws:
            if self._left <= 0:
                break
            parts.append(self.part(raw, depth=depth))
        return tuple(parts)


def _with_parts(part: Part, parts: Sequence[Part]) -> Part:
    return Part(
        headers=part.headers,
        content_type=part.content_type,
        parameters=part.parameters,
        is_attachment=part.is_attachment,
        body=part.body,
        parts=parts,
    )


def _headers(head: bytes) -> Mapping[str, Sequence[str]]:
    headers: dict[str, list[str]] = {}
    unfolded: list[list[bytes]] = []
    for line in head.split(b"\n", _MAX_HEADERS * 4)[: _MAX_HEADERS * 4]:
        if line[:1] in (b" ", b"\t") and unfolded:
            unfolded[-1].append(line.strip())
        elif len(unfolded) < _MAX_HEADERS:
            unfolded.append([line])
    for lines in unfolded:
        name, colon, value = b" ".join(lines).partition(b":")
        name = name.rstrip()
        if colon and _NAME.fullmatch(name):
            text = decoded(value[:_MAX_VALUE_BYTES].strip(), "utf-8")
            headers.setdefault(name.decode("ascii").lower(), []).append(text)
    return headers


def _content_type(headers: Mapping[str, Sequence[str]]) -> tuple[str, Mapping[str, str]]:
    value = (headers.get("content-type") or ("",))[0]
    content_type = value.partition(";")[0].strip().lower()
    if content_type.count("/") != 1:  # RFC 2045 §5.2
        content_type = "text/plain"
    parameters: dict[str, str] = {}
    for name, text in _PARAMETER.findall(value):
        unquoted = re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
        parameters.setdefault(name.lower(), unquoted)
    return content_type, parameters


def _guessed_boundary(head: bytes, body: bytes) -> str:
    """For headers that were folded wrongly or lost their parameters: the first that looks it."""
    found = _BOUNDARY.search(head) or _DELIMITER.search(body)
    return decoded(found[1].rstrip(), "utf-8") if found else ""


def _split(body: bytes, boundary: str, most: int) -> Sequence[bytes]:
    """The parts between the boundary lines (RFC 2046 §5.1.1); the last may lack its end."""
    delimiter = b"--" + boundary.encode("utf-8", "replace").rstrip()
    if not boundary or len(delimiter) > 202:
        return ()
    line = re.compile(rb"^" + re.escape(delimiter) + rb"(--)?[ \t]*(?:\n|\Z)", re.MULTILINE)
    parts: list[bytes] = []
    begin: int | None = None
    for match in line.finditer(body):
        if begin is not None:
            parts.append(body[begin : max(begin, match.start() - 1)])
        begin = None if match[1] else match.end()
        if begin is None or len(parts) >= most:
            return parts
    if begin is not None:
        parts.append(body[begin:])
    return parts


def _from_base64(body: bytes) -> bytes:
    compact = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
    if len(compact) % 4 == 1:
        compact = compact[:-1]
    try:
        return base64.b64decode(compact + b"=" * (-len(compact) % 4))
    except binascii.Error:
        return b""
