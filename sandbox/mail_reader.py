"""Reads received mails as far as people and the ledger need, at a fraction of what `email` costs.

Takes what it gets: a broken mail yields fewer parts, never an error.
"""

import binascii
import hashlib
import html
import re
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.utils import parseaddr
from functools import cached_property

MOST_PARTS = 50
DEEPEST = 5

_FOLD = re.compile(r"\r\n[ \t]+")
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
_CHARSET = re.compile(r'charset\s*=\s*"?([\w.:-]+)', re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"')\]]+")
_SPACE = re.compile(r"\s+")
_TAG = re.compile(r"<(?:style|script|head)\b.*?</(?:style|script|head)>|<[^>]*>", re.I | re.S)
_IMAGE = re.compile(r"<img\b[^>]*?\bsrc\s*=\s*[\"']?(https?://[^\"'\s>]+)", re.IGNORECASE)
_ANCHOR = re.compile(
    r"<a\b[^>]*?\bhref\s*=\s*[\"']?(https?://[^\"'\s>]+)[^>]*>(.{0,400}?)</a\s*>", re.I | re.S
)
_LEAVE = re.compile(
    r"unsubscribe|opt[ -]?out|d[ée]sinscri|d[ée]sabonn|abmelden|darse de baja|list-unsub", re.I
)
_BRACKETED = re.compile(r"<([^<>]+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One leaf of a mail, decoded."""

    content_type: str
    text: str


class ReceivedMail:
    """One mail as it came in, with its envelope.

    Headers are found by lower-case name; the first of several counts. Values are unfolded and
    otherwise as they were sent.
    """

    def __init__(self, raw: bytes, *, envelope_from: str) -> None:
        self.raw = raw
        self.envelope_from = envelope_from
        end = raw.find(b"\r\n\r\n")
        self.head = raw if end < 0 else raw[: end + 2]
        self._body = b"" if end < 0 else raw[end + 4 :]
        self.headers = parse_headers(self.head)

    @property
    def message_id(self) -> str:
        """The Message-ID with its angle brackets, or nothing."""
        return self.headers.get("message-id", "")

    @property
    def subject(self) -> str:
        """The subject as it was sent, encoded words and all."""
        return self.headers.get("subject", "")

    @property
    def subject_text(self) -> str:
        """The subject as a person reads it."""
        return _decoded(self.subject)

    @property
    def from_address(self) -> str:
        """The address that the From header shows."""
        return parseaddr(self.headers.get("from", ""))[1]

    @property
    def from_name(self) -> str:
        """The name that the From header shows, decoded."""
        return _decoded(parseaddr(self.headers.get("from", ""))[0])

    @property
    def to_name(self) -> str:
        """The name of the first recipient in the To header, decoded."""
        return _decoded(parseaddr(self.headers.get("to", ""))[0])

    @property
    def reply_address(self) -> str:
        """Where an answer goes: Reply-To, else From (RFC 5322, 3.6.2)."""
        return parseaddr(self.headers.get("reply-to", ""))[1] or self.from_address

    @property
    def is_automatic(self) -> bool:
        """Whether it says of itself that no person wrote it (RFC 3834, 5)."""
        return self.headers.get("auto-submitted", "no").strip().lower() != "no"

    @property
    def unsubscribe_urls(self) -> list[str]:
        """The URLs of List-Unsubscribe in their order (RFC 2369)."""
        found: list[str] = _BRACKETED.findall(self.headers.get("list-unsubscribe", ""))
        return [url.strip() for url in found]

    @property
    def unsubscribes_in_one_click(self) -> bool:
        """Whether it promises RFC 8058."""
        return "list-unsubscribe=one-click" in self.headers.get("list-unsubscribe-post", "").lower()

    @cached_property
    def parts(self) -> list[Part]:
        """The text leaves, in order."""
        found: list[Part] = []
        _collect(self.headers, self._body, found, DEEPEST)
        return found

    @cached_property
    def text(self) -> str:
        """What a person reads: the plain part, else the HTML without its tags."""
        for part in self.parts:
            if part.content_type == "text/plain":
                return part.text
        return html.unescape(_TAG.sub(" ", self.html))

    @property
    def html(self) -> str:
        """The HTML part, or nothing."""
        return next((p.text for p in self.parts if p.content_type == "text/html"), "")

    def image_urls(self) -> list[str]:
        """Return what a mail program loads to show the mail, each once."""
        return list(dict.fromkeys(html.unescape(url) for url in _IMAGE.findall(self.html)))

    def link_urls(self) -> list[str]:
        """Return the links that a curious reader might follow, each once.

        Links to unsubscribe are left out: nobody follows those out of curiosity.
        """
        leaving = set(self.unsubscribe_urls)
        pairs = [(html.unescape(url), label) for url, label in _ANCHOR.findall(self.html)]
        if not self.html:
            pairs = [(url.rstrip(".,;:!?"), "") for url in _URL.findall(self.text)]
        return list(
            dict.fromkeys(
                url
                for url, label in pairs
                if url not in leaving and not _LEAVE.search(url) and not _LEAVE.search(label)
            )
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the subject and the text, with white space made equal and URLs left out.

        Tracking links differ between two mails that say the same; what is said does not.
        """
        return content_digest(self.subject, self.text)


def content_digest(*texts: str) -> str:
    """Return the SHA-256 of `texts`, with white space made equal and URLs left out."""
    plain = "\x1f".join(_SPACE.sub(" ", _URL.sub("", text)).strip() for text in texts)
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def parse_headers(head: bytes) -> dict[str, str]:
    """Return the first value of each header, unfolded, by lower-case name."""
    headers: dict[str, str] = {}
    for line in _FOLD.sub(" ", head.decode("utf-8", "replace")).split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, UnicodeError, ValueError):
        return value


def _collect(headers: dict[str, str], body: bytes, found: list[Part], depth: int) -> None:
    content_type = headers.get("content-type", "text/plain")
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("multipart/"):
        boundary = boundary_of(content_type)
        if boundary is not None and depth:
            for head, inner in split_multipart(body, boundary):
                _collect(parse_headers(head), inner, found, depth - 1)
    elif kind.startswith("text/") and len(found) < MOST_PARTS:
        content = _decode(body, headers.get("content-transfer-encoding", "").lower())
        found.append(Part(content_type=kind, text=_to_text(content, content_type)))


def boundary_of(content_type: str) -> str | None:
    """Return the boundary parameter of a Content-Type."""
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]) if found else None


def split_multipart(body: bytes, boundary: str) -> list[tuple[bytes, bytes]]:
    """Return head and content of each part of a multipart body (RFC 2046, 5.1)."""
    delimiter = b"\r\n--" + boundary.encode("utf-8", "replace")
    pieces = (b"\r\n" + body).split(delimiter, MOST_PARTS + 1)[1:]
    parts = []
    for piece in pieces:
        if piece.startswith(b"--"):
            break
        head, _, inner = piece.partition(b"\r\n\r\n")
        parts.append((head.lstrip(), inner))
    return parts


def _decode(body: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding == "base64":
        try:
            return binascii.a2b_base64(body)
        except binascii.Error:
            return body
    return body


def _to_text(content: bytes, content_type: str) -> str:
    charset = _CHARSET.search(content_type)
    try:
        return content.decode(charset[1] if charset else "utf-8", "replace")
    except LookupError:
        return content.decode("utf-8", "replace")
