"""What is wrong with a cadence, all of it at once."""

from cadenza.errors import CadenceError
from cadenza.language.source import Place, Problem


class Reporter:
    """Collects problems, so that an author sees all of them at once."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def problem(self, place: Place, message: str, *, rule: str = "language") -> None:
        """Note that something is wrong at `place`. rule: see `Problem`."""
        self._problems.append(Problem(place=place, message=message, rule=rule))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was reported, each once, in the order of the files."""
        return tuple(sorted(set(self._problems)))

    def raise_if_any(self) -> None:
        """Raise CadenceError if anything was reported."""
        if self._problems:
            raise CadenceError(self.problems)
