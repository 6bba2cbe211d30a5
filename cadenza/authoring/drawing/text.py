"""How wide a text is, and how it is cut to fit; for fonts that whoever looks at it may have."""

import unicodedata
from collections.abc import Sequence

# In ems, of the widest of the usual sans-serif fonts (DejaVu Sans, Verdana):
# a reader with a narrower one sees a little more room.
_NARROW = frozenset("iIjl.,:;'|!`")
_SLIM = frozenset('frt()[]{}/\\-" ·’“”')
_WIDE = frozenset("mMwW@%…—→")
_BOLD = 1.1
_ROUNDING = 0.1


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide `text` is at most, in the unit of `size`, the height of the font."""
    return sum(_ems(char) for char in text) * size * (_BOLD if bold else 1.0)


def shorten(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """`text`, or as much of it as fits into `room` with `…` behind it."""
    if width(text, size, bold=bold) <= room + _ROUNDING:
        return text
    kept = text
    while kept and width(f"{kept}…", size, bold=bold) > room:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def wrap(text: str, size: float, room: float, lines: int) -> Sequence[str]:
    """`text` in at most so many lines, the last one cut if it does not fit."""
    words = text.split()
    wrapped: list[str] = []
    while words and len(wrapped) < lines - 1:
        line = [words.pop(0)]
        while words and width(" ".join([*line, words[0]]), size) <= room:
            line.append(words.pop(0))
        wrapped.append(" ".join(line))
    if words:
        wrapped.append(" ".join(words))
    return [shorten(line, size, room) for line in wrapped]


def _ems(char: str) -> float:
    if char in _NARROW:
        return 0.36
    if char in _SLIM:
        return 0.46
    if char in _WIDE or unicodedata.east_asian_width(char) in "WF":
        return 1.02
    if char.isupper() or char.isdigit():
        return 0.74 if char.isupper() else 0.64
    return 0.64
