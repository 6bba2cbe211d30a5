"""Places in source files, and what is wrong there."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """A position in a source file. line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """One mistake: where, what is wrong, and what to write instead.

    rule: by which name `cadenza lint` calls the mistake; `language` for
    whatever is not written as the language wants it.
    """

    place: Place
    message: str
    rule: str = field(default="language", compare=False)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Text:
    """A piece of text and where it stands in its file.

    place: of its first character. verbatim: the lines of `value` are lines
    of the file, each indented like the first; else positions are exact only
    on the first line.
    """

    value: str
    place: Place
    verbatim: bool = False

    def at(self, offset: int) -> Place:
        """The place of the character at `offset` of `value`."""
        before = self.value[:offset]
        lines = before.count("\n")
        column = offset - (before.rfind("\n") + 1)
        if lines and not self.verbatim:
            return self.place
        return Place(
            file=self.place.file,
            line=self.place.line + lines,
            column=self.place.column + column,
        )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean …?)` if something known is much like `word`, else nothing."""
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f" (did you mean `{close[0]}`?)" if close else ""


def listed(words: Iterable[str]) -> str:
    """Words for a message: `a`, `b` or `c`."""
    marked = [f"`{word}`" for word in words]
    if len(marked) == 1:
        return marked[0]
    return f"{', '.join(marked[:-1])} or {marked[-1]}"
