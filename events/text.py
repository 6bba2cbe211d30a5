"""Text from outside, made fit to store and show."""

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LINE_BREAKS = re.compile(r"[\s\x85\u2028\u2029]+")

MAX_TEXT_BYTES = 16 * 1024


def storable_text(text: str, limit_bytes: int = MAX_TEXT_BYTES) -> str:
    """`text` without characters that PostgreSQL refuses or terminals obey, cut to `limit_bytes`.

    Keeps tabs and line feeds. The limit counts UTF-8; no character is cut in half.
    """
    # Four bytes a character at most: so nothing long is copied before it is cut.
    head = text[:limit_bytes].replace("\r\n", "\n").replace("\r", "\n")
    encoded = _CONTROLS.sub("", head).encode("utf-8", "ignore")
    return encoded[:limit_bytes].decode("utf-8", "ignore")


def storable_line(text: str, limit_bytes: int = 500) -> str:
    """The same on one line: safe as a header value or an identifier."""
    return _LINE_BREAKS.sub(" ", storable_text(text, limit_bytes)).strip()
