"""What a lint rule is, what it may look at, and what it says."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from cadenza.accounts import Accounts
from cadenza.authoring.ways import Way, ways_through
from cadenza.language.cadence import Cadence
from cadenza.language.source import Place
from cadenza.language.written import Written

Level = Literal["error", "advice"]


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """One thing that a rule has to say: where, and what to write instead.

    level: an error keeps the cadence from being applied; advice does not.
    """

    place: Place
    rule: str
    level: Level
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.level}: {self.message} [{self.rule}]"


@dataclass(frozen=True, kw_only=True)
class People:
    """What a table of prospects says. fields: its columns as templates name them.

    longest: of each field some of its longest values, so e.g.
    `prospect.industry` → `food and drink`; empty where no row has one.
    """

    fields: frozenset[str]
    longest: Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A compiled cadence and all that rules may know about it. Pure data.

    sources: file → text, as they were compiled. accounts, people: None if
    nobody said which. neighbours: the names of the cadences in the same
    folder, its own among them; None if it stands alone.
    """

    cadence: Cadence
    sources: Mapping[str, str]
    accounts: Accounts | None = None
    people: People | None = None
    neighbours: frozenset[str] | None = None

    @cached_property
    def written(self) -> Written:
        """Where everything stands in the files."""
        return Written(self.sources)

    @cached_property
    def ways(self) -> Sequence[Way]:
        """The ways through the cadence that can be gone, up to a bound."""
        return ways_through(self.cadence)


class LintRule(ABC):
    """One rule of good cadences.

    name: how findings call it. level: what it says at worst. summary: one
    line for the table of rules. needs_accounts: whether it has nothing to
    say without an accounts file.
    """

    name: ClassVar[str]
    level: ClassVar[Level]
    summary: ClassVar[str]
    needs_accounts: ClassVar[bool] = False

    @abstractmethod
    def check(self, case: Case) -> Sequence[Finding]:
        """What is to be said about a cadence that compiles. Pure; any order."""

    def finding(self, place: Place, message: str, level: Level | None = None) -> Finding:
        """Something that this rule says. level: its usual one if left out."""
        return Finding(place=place, rule=self.name, level=level or self.level, message=message)
