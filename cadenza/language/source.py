"""Places in source files, and what is wrong there."""

from dataclasses import dataclass

from cadenza.errors import CadenceError


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
    """One mistake: where, what is wrong, and what to write instead."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class Reporter:
    """Collects problems, so that an author sees all of them at once."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def problem(self, place: Place, message: str) -> None:
        """Note that something is wrong at `place`."""
        self._problems.append(Problem(place=place, message=message))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was reported, each once, in the order of the files."""
        return tuple(sorted(set(self._problems)))

    def raise_if_any(self) -> None:
        """Raise CadenceError if anything was reported."""
        if self._problems:
            raise CadenceError(self.problems)
