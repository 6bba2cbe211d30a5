"""A received mail as the classifiers look at it."""

import re
from dataclasses import dataclass
from functools import cached_property

from events.mailbox.html_text import text_of_html
from events.mailbox.mime import Part, parse
from events.text import storable_line

_ADDRESS = re.compile(r"[^\s<>;,:\"()\[\]@]{1,128}@[^\s<>;,:\"()\[\]@]{1,200}")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,200}@[^<>\s]{1,200}>")
_MAX_TEXT_CHARACTERS = 64 * 1024


@dataclass(frozen=True)
class Mail:
    """One mail, parsed within the bounds of `events.mailbox.mime`."""

    root: Part

    @classmethod
    def of(cls, raw: bytes) -> "Mail":
        """Parse. Never raises."""
        return cls(parse(raw))

    def header(self, name: str) -> str:
        """The first value of a header, decoded, on one line; empty if there is none."""
        return storable_line(self.root.header(name), 1000)

    def has(self, name: str) -> bool:
        """Whether there is such a header."""
        return name in self.root.headers

    @cached_property
    def subject(self) -> str:
        """Decoded, on one line."""
        return self.header("subject")

    @cached_property
    def sender(self) -> str:
        """The address in From, in lower case; empty if there is none."""
        found = _ADDRESS.findall(self.header("from"))
        return found[-1].lower() if found else ""

    @cached_property
    def message_id(self) -> str:
        """With angle brackets; empty if there is none."""
        found = _MESSAGE_ID.search(self.header("message-id"))
        return found[0] if found else ""

    @cached_property
    def parts(self) -> list[Part]:
        """All parts but those of attached messages, in order."""
        found: list[Part] = []
        pending = [self.root]
        while pending:
            part = pending.pop(0)
            found.append(part)
            if not part.content_type.startswith("message/"):
                pending[:0] = part.parts
        return found

    @cached_property
    def text(self) -> str:
        """What a person would read: the plain texts, else the HTML as text without quotations.

        Attachments count only if there is nothing else.
        """
        for attached in (False, True):
            parts = [part for part in self.parts if part.is_attachment == attached]
            plain = [p.text() for p in parts if p.content_type == "text/plain" and not p.parts]
            text = "\n".join(plain)[:_MAX_TEXT_CHARACTERS]
            if text.strip():
                return text
            html = (p.text() for p in parts if p.content_type == "text/html")
            text = "\n".join(text_of_html(one) for one in html)[:_MAX_TEXT_CHARACTERS]
            if text.strip():
                return text
        return "" if self.root.parts else self.root.text()[:_MAX_TEXT_CHARACTERS]


def message_ids(value: str) -> list[str]:
    """The Message-IDs in a header such as In-Reply-To, at most 20, with angle brackets."""
    return _MESSAGE_ID.findall(value)[:20]


def first_address(text: str) -> str:
    """The first mail address in `text`, in lower case; empty if there is none."""
    found = _ADDRESS.search(text)
    return found[0].lower() if found else ""
