"""Which characters of a text stay together: grapheme clusters as SMS splitters know them.

The rules are those of UAX #29 as of Unicode 10, the version by which
Twilio's published calculator keeps clusters whole within a segment
(npm `sms-segments-calculator` over `grapheme-splitter`). Where that
calculator departs from the standard, so does this: the counts must be
equal, and the clusters it cuts apart are rare ones. The departures:

- a skin tone joins its base over at most one combining mark, and not at
  all where the cluster had a mark before that base;
- after a flag, what follows its first combining mark is cut off, and two
  regional indicators after a prepended mark are cut apart.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import resources

_HANGUL = range(0xAC00, 0xD7A4)
_SYLLABLES_PER_LV = 28
_ENDS_A_CLUSTER = frozenset({"Control", "CR", "LF"})
_JOINS_WHATEVER_IS_BEFORE = frozenset({"Extend", "ZWJ", "SpacingMark"})
_HANGUL_JOINS = frozenset(
    {("L", "L"), ("L", "V"), ("L", "LV"), ("L", "LVT"), ("LV", "V"), ("LV", "T"), ("V", "V"),
     ("V", "T"), ("LVT", "T"), ("T", "T")}
)  # fmt: skip
_BASES = frozenset({"E_Base", "E_Base_GAZ"})
_AFTER_JOINER = frozenset({"Glue_After_Zwj", "E_Base_GAZ"})


def clusters(text: str) -> Iterator[str]:
    """The grapheme clusters of `text`, in order; together they are the text."""
    start = 0
    kinds: list[str] = []
    for index, char in enumerate(text):
        kind = break_class(char)
        if kinds and not _joins(kinds, kind):
            yield text[start:index]
            start, kinds = index, []
        kinds.append(kind)
    if kinds:
        yield text[start:]


def _joins(cluster: Sequence[str], following: str) -> bool:
    """Whether a character of class `following` belongs to the cluster before it."""
    last = cluster[-1]
    if _is_cut_flag(cluster):
        return False
    if last in _ENDS_A_CLUSTER or following in _ENDS_A_CLUSTER:
        return (last, following) == ("CR", "LF")
    if (last, following) in _HANGUL_JOINS or following in _JOINS_WHATEVER_IS_BEFORE:
        return True
    return last == "Prepend" or _is_emoji(cluster, following)


def _is_emoji(cluster: Sequence[str], following: str) -> bool:
    """Whether it goes on an emoji: a skin tone, a joined picture, the second half of a flag."""
    if following == "E_Modifier":
        return _takes_skin_tone(cluster)
    if cluster[-1] == "ZWJ":
        return following in _AFTER_JOINER
    return following == "Regional_Indicator" and list(cluster) == ["Regional_Indicator"]


def _takes_skin_tone(cluster: Sequence[str]) -> bool:
    if "Extend" not in cluster:
        return cluster[-1] in _BASES
    last_mark = len(cluster) - 1 - cluster[::-1].index("Extend")
    return last_mark == len(cluster) - 1 and last_mark > 0 and cluster[last_mark - 1] in _BASES


def _is_cut_flag(cluster: Sequence[str]) -> bool:
    """Whether only regional indicators follow the first character, and then one mark."""
    flags = [n for n, kind in enumerate(cluster) if kind == "Regional_Indicator" and n > 0]
    if not flags or cluster[-1] in {"Regional_Indicator", "Prepend"}:
        return False
    return flags == list(range(1, flags[-1] + 1))


@lru_cache(maxsize=8192)
def break_class(char: str) -> str:
    """The value of Grapheme_Cluster_Break of one character."""
    code = ord(char)
    if code in _HANGUL:
        return "LV" if (code - _HANGUL.start) % _SYLLABLES_PER_LV == 0 else "LVT"
    starts, ends, kinds = _table()
    index = bisect_right(starts, code) - 1
    return kinds[index] if code <= ends[index] else "Other"


@lru_cache(maxsize=1)
def _table() -> tuple[Sequence[int], Sequence[int], Sequence[str]]:
    """Starts and ends of the ranges, ascending, and their classes."""
    ranges, kind = [], ""
    table = (
        resources.files("cadenza.sms").joinpath("grapheme_break.txt").read_text(encoding="ascii")
    )
    for line in table.splitlines():
        if line.startswith("#"):
            continue
        for word in line.split():
            if word.endswith(":"):
                kind = word[:-1]
                continue
            first, _, last = word.partition("-")
            ranges.append((int(first, 16), int(last or first, 16), kind))
    ranges.sort()
    starts, ends, kinds = zip(*ranges, strict=True)
    return starts, ends, kinds
