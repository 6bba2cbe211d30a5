"""From the light markup of mail bodies to HTML and to plain text, Liquid kept as it is.

The markup: a blank line ends a paragraph, lines that begin with `- ` are
a list, `[label](https://…)` is a link, and so is a bare web address; a
line break is a line break. A line that holds only Liquid tags stands
between paragraphs. All of it happens once, when a cadence is compiled:
what comes out are two Liquid templates.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Literal

from cadenza.language.reporter import Reporter
from cadenza.language.source import Text

_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)

# While the text around it is worked on, a piece of Liquid is one character
# of a plane of Unicode that is set aside for private use.
_FIRST_MARK = 0xF0000
_MARK = re.compile("[\U000f0000-\U000ffffd]")

_LINK = re.compile(
    r"\[(?P<label>[^\[\]\n]+)\]\((?P<address>[^()\n]+)\)"
    r"|(?P<bare>https?://[^\s<>\"()]*[^\s<>\"().,;:!?'])"
)
_ADDRESS = re.compile(r"https?://|mailto:|tel:")
_UNSUBSCRIBE = re.compile(r"\{\{-?\s*unsubscribe_url\s*-?\}\}")
_OF_SEVERAL_LINES = re.compile(
    r"\{\{(-?)\s*((?:owner\.signature|sender\.signature|organisation\.postal_address)[^|}]*?)\s*(-?)\}\}"
)

_PARAGRAPH = '<p style="margin:0 0 16px">'
_LIST = '<ul style="margin:0 0 16px;padding-left:24px">'


class Shelter:
    """Keeps the Liquid of one text aside, a mark in place of each piece."""

    def __init__(self, source: str) -> None:
        self._pieces: list[str] = []
        self.marked = _LIQUID.sub(self._mark, _MARK.sub("", source))

    def _mark(self, match: re.Match[str]) -> str:
        self._pieces.append(match[0])
        return chr(_FIRST_MARK + len(self._pieces) - 1)

    def piece(self, mark: str) -> str:
        """The Liquid behind a mark."""
        return self._pieces[ord(mark) - _FIRST_MARK]

    def restore(self, marked: str) -> str:
        """`marked` with its Liquid again."""
        return _MARK.sub(lambda match: self.piece(match[0]), marked)

    def restore_html(self, marked: str) -> str:
        """The same for HTML: values of several lines keep their line breaks."""
        return _MARK.sub(
            lambda match: _OF_SEVERAL_LINES.sub(
                r"{{\1 \2 | newline_to_br \3}}", self.piece(match[0])
            ),
            marked,
        )

    def original_offset(self, marked_offset: int) -> int:
        """Where a position of the marked text was before."""
        before = self.marked[:marked_offset]
        return len(self.restore(before))

    def is_tags(self, line: str) -> bool:
        """Whether a marked line holds nothing but Liquid tags."""
        return bool(line.strip()) and all(
            character.isspace()
            or (bool(_MARK.match(character)) and self.piece(character).startswith("{%"))
            for character in line
        )


@dataclass(frozen=True)
class _Block:
    kind: Literal["paragraph", "list", "tags"]
    lines: list[str]


def _blocks(shelter: Shelter) -> Iterator[_Block]:
    block: _Block | None = None
    for line in shelter.marked.splitlines():
        kind = _kind(line, block, shelter)
        if block is not None and (kind is None or block.kind != kind):
            yield block
            block = None
        if kind is None:
            continue
        block = block or _Block(kind, [])
        if kind == "list" and not line.startswith("- "):
            block.lines[-1] += f" {line.strip()}"
        else:
            block.lines.append(line.removeprefix("- ").strip())
    if block is not None:
        yield block


def _kind(
    line: str, block: _Block | None, shelter: Shelter
) -> Literal["paragraph", "list", "tags"] | None:
    if not line.strip():
        return None
    if shelter.is_tags(line):
        return "tags"
    goes_on = block is not None and block.kind == "list" and line.startswith("  ")
    return "list" if line.startswith("- ") or goes_on else "paragraph"


def to_html(source: str) -> str:
    """The body as HTML paragraphs, lists and links; Liquid outputs rely on autoescape."""
    shelter = Shelter(source)
    return "".join(shelter.restore_html(_html(block)) for block in _blocks(shelter))


def _html(block: _Block) -> str:
    if block.kind == "tags":
        return "".join(block.lines)
    lines = [_html_line(line) for line in block.lines]
    if block.kind == "list":
        return f"{_LIST}{''.join(f'<li>{line}</li>' for line in lines)}</ul>\n"
    return f"{_PARAGRAPH}{'<br>'.join(lines)}</p>\n"


def _html_line(line: str) -> str:
    written, end = [], 0
    for link in _LINK.finditer(line):
        address = (link["address"] or link["bare"]).strip()
        label = link["label"] or address
        written.append(escape(line[end : link.start()], quote=False))
        written.append(f'<a href="{escape(address)}">{escape(label, quote=False)}</a>')
        end = link.end()
    return "".join([*written, escape(line[end:], quote=False)])


def line_to_html(source: str) -> str:
    """A line without markup, escaped but for its Liquid."""
    shelter = Shelter(source)
    return shelter.restore(escape(shelter.marked, quote=False))


def to_text(source: str) -> str:
    """The body as plain text; a link becomes `label <address>` (RFC 3986, appendix C)."""
    shelter = Shelter(source)
    return "".join(shelter.restore(_plain(block)) for block in _blocks(shelter))


def _plain(block: _Block) -> str:
    if block.kind == "tags":
        return "".join(block.lines)
    bullet = "- " if block.kind == "list" else ""
    lines = [bullet + _LINK.sub(_plain_link, line) for line in block.lines]
    return "\n".join(lines) + "\n\n"


def _plain_link(link: re.Match[str]) -> str:
    if link["bare"]:
        return link["bare"]
    label, address = link["label"].strip(), link["address"].strip()
    return address if label == address else f"{label} <{address}>"


def check_links(text: Text, reporter: Reporter) -> None:
    """Report every link that leads nowhere, or wherever a prospect's own data says."""
    shelter = Shelter(text.value)
    for link in _LINK.finditer(shelter.marked):
        address = (link["address"] or link["bare"]).strip()
        if not _ADDRESS.match(address) and not _UNSUBSCRIBE.fullmatch(shelter.restore(address)):
            reporter.problem(
                text.at(shelter.original_offset(link.start())),
                f"the link to `{shelter.restore(address)}` leads nowhere; "
                "begin it with `https://`, `mailto:` or `tel:`",
            )
