"""What a person wrote in an HTML mail, as text, without what they quoted."""

import re
from collections.abc import Iterator
from html import unescape

_MAX_CHARACTERS = 256 * 1024

_SKIPPED = frozenset(("head", "style", "script", "title", "template", "svg"))
_BLOCKS = frozenset(
    ("address", "article", "blockquote", "div", "dd", "dl", "dt", "h1", "h2", "h3", "h4", "h5",
     "h6", "hr", "li", "ol", "p", "pre", "section", "table", "td", "tr", "ul")
)  # fmt: skip
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})\b([^<>]{0,4000})>")
# Where mail programs put the original: Gmail, Outlook (desktop and web), Yahoo, Proton,
# Apple Mail and Thunderbird. What follows Outlook's marks up to the end is the original.
_QUOTE = re.compile(
    r"""(?:class|id|type)\s*=\s*["']?(?:[^"'>]*\s)?
    (?:gmail_quote(?:_container)?|yahoo_quoted|protonmail_quote|moz-cite-prefix|cite)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_ORIGINAL_BELOW = re.compile(
    r"""id\s*=\s*["']?(?:divRplyFwdMsg|appendonsend|x?_?mail-editor-reference-message)
    |border-top:\s*solid\s+\#(?:E1E1E1|B5C4DF)""",
    re.IGNORECASE | re.VERBOSE,
)


def text_of_html(html: str) -> str:
    """The visible text, one line per block, quotations and everything below them left out.

    Linear in the length, of which 256 Ki characters are looked at.
    """
    pieces: list[str] = []
    skipping: str | None = None
    depth = 0
    for kind, value, attributes in _tokens(html[:_MAX_CHARACTERS]):
        if skipping is not None:
            depth += {"open": 1, "close": -1}.get(kind, 0) if value == skipping else 0
            if depth == 0:
                skipping = None
            continue
        if kind == "text":
            pieces.append(" ".join(value.split(" ")))
            continue
        if kind == "open":
            if _ORIGINAL_BELOW.search(attributes):
                break
            if value in _SKIPPED or _QUOTE.search(attributes):
                skipping, depth = value, 1
                continue
        if value in _BLOCKS or value == "br":
            pieces.append("\n")
    return _tidy("".join(pieces))


def _tokens(html: str) -> Iterator[tuple[str, str, str]]:
    """(`text`, text, "") and (`open` or `close`, element, attributes)."""
    position = 0
    while position < len(html):
        bracket = html.find("<", position)
        if bracket < 0:
            bracket = len(html)
        if bracket > position:
            text = re.sub(r"\s+", " ", html[position:bracket])
            yield "text", unescape(text).replace("\xa0", " "), ""
        if bracket == len(html):
            return
        if html.startswith("<!--", bracket):
            end = html.find("-->", bracket)
            if end < 0:
                return
            position = end + 3
            continue
        match = _TAG.match(html, bracket)
        if match is None:
            position = _behind_oddity(html, bracket)
            if position == bracket + 1:
                yield "text", "<", ""
            continue
        yield ("close" if match[1] else "open"), match[2].lower(), match[3]
        position = match.end()


def _behind_oddity(html: str, bracket: int) -> int:
    """Behind a declaration or a broken tag; if it is neither, behind the bracket, which is text."""
    if html[bracket + 1 : bracket + 2].isalpha() or html.startswith(("<!", "<?", "</"), bracket):
        return html.find(">", bracket, bracket + 4000) + 1 or bracket + 1
    return bracket + 1


def _tidy(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
