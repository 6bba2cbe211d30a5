"""How many segments a text message takes, which is what carriers cap and charge.

A text in the GSM 7-bit alphabet (3GPP TS 23.038 §6.2.1; the extension
table costs two septets a character) has 160 septets in one segment, or 153
in each of several, whose headers take the rest (TS 23.040 §9.2.3.24.1).
Any other character makes the whole text UCS-2: 70 UTF-16 code units, or
67. What forms one character (an extension's two septets, a surrogate
pair, a grapheme cluster) is never cut in half.

Counts are those of Twilio's published calculator (npm
`sms-segments-calculator`, smart encoding off), which `benchmarks/
check_sms_segments.py` compares over random texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

from cadenza.sms.graphemes import clusters

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("^{}\\[~]|€\f")
_GSM = _BASIC | _EXTENSION


class Encoding(StrEnum):
    """How a message travels."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


# Units in a message of one segment, and in each segment of a longer one.
_ROOM = {Encoding.GSM_7: (160, 153), Encoding.UCS_2: (70, 67)}


@dataclass(frozen=True, kw_only=True)
class Segments:
    """What a text costs. count: segments, at least 1. units: septets or UTF-16 code units.

    foreign: the characters that force UCS-2, in order of first appearance.
    """

    encoding: Encoding
    count: int
    units: int
    foreign: str


def measure(text: str) -> Segments:
    """How `text` is encoded and cut, all of it."""
    foreign = "".join(dict.fromkeys(char for char in text if char not in _GSM))
    if foreign:
        sizes = [_code_units(part) for cluster in clusters(text) for part in _parts(cluster)]
        encoding = Encoding.UCS_2
    else:
        sizes = [2 if char in _EXTENSION else 1 for char in text]
        encoding = Encoding.GSM_7
    return Segments(
        encoding=encoding,
        count=_cut(sizes, *_ROOM[encoding]),
        units=sum(sizes),
        foreign=foreign,
    )


def count_segments(text: str) -> int:
    """How many segments `text` takes, at least 1."""
    if len(text) <= 70 and max(text, default="") <= "\uffff":
        return 1  # whichever way it is encoded
    return measure(text).count


def _parts(cluster: str) -> Sequence[str]:
    return tuple(cluster) if cluster == "\r\n" else (cluster,)


def _code_units(text: str) -> int:
    return len(text) + sum(1 for char in text if char > "\uffff")


def _cut(sizes: Sequence[int], single: int, several: int) -> int:
    """Into how many segments pieces of these sizes go, each whole, filled in order."""
    if sum(sizes) <= single:
        return 1
    # The first segment fills as if it were the only one. When it overflows, its
    # header displaces what is last in it to the second, along with the piece
    # that came too much, whatever room they take there.
    first = next(n for n, total in enumerate(accumulate(sizes)) if total > single)
    totals = accumulate(sizes[:first])
    displaced = [size for size, total in zip(sizes[:first], totals, strict=True) if total > several]
    used = sum(displaced) + sizes[first]
    count = 2
    for size in sizes[first + 1 :]:
        if used + size > several:
            count, used = count + 1, 0
        used += size
    return count
