"""Lints files: what the compiler reports, and what the rules find."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cadenza.authoring.lint.rules
from cadenza.accounts import Accounts
from cadenza.authoring.lint.allowed import without_allowed
from cadenza.authoring.lint.rule import Case, Finding, LintRule, People
from cadenza.errors import CadenceError
from cadenza.language.cadence import Cadence
from cadenza.language.loader import Sources, load_cadence
from cadenza.language.source import Place, Problem
from cadenza.registry import find_subclasses


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A cadence file that compiled."""

    path: Path
    sources: Sources
    cadence: Cadence


@lru_cache(maxsize=1)
def all_rules() -> Sequence[LintRule]:
    """Every rule, in order of the names of their classes."""
    return [rule() for rule in find_subclasses(cadenza.authoring.lint.rules, LintRule)]  # type: ignore[type-abstract]


def lint_files(
    files: Iterable[Path], *, accounts: Accounts | None = None, people: People | None = None
) -> tuple[Sequence[Candidate], Sequence[Finding]]:
    """Compile and check files. Returns those that compile, and all there is to say, in order.

    accounts, people: None where it is not known from whom the cadences
    will send, and to whom. Places name files as the paths do.
    """
    candidates: list[Candidate] = []
    findings: list[Finding] = []
    for path in files:
        try:
            sources, cadence = load_cadence(path)
        except CadenceError as error:
            findings += [_as_error(problem) for problem in error.problems]
            continue
        candidates.append(Candidate(path=path, sources=sources, cadence=cadence))
    findings += _said_twice(candidates)
    folders: dict[Path, set[str]] = {}
    for candidate in candidates:
        folders.setdefault(candidate.path.parent, set()).add(candidate.cadence.name)
    for candidate in candidates:
        neighbours = frozenset(folders[candidate.path.parent])
        case = Case(
            cadence=candidate.cadence,
            sources=candidate.sources,
            accounts=accounts,
            people=people,
            neighbours=neighbours if len(neighbours) > 1 else None,
        )
        findings += [_under(candidate.path.parent, finding) for finding in check(case)]
    return candidates, sorted(set(findings))


def check(case: Case) -> Sequence[Finding]:
    """What the rules have to say of one cadence, in order; its places as they were compiled.

    Advice that the file allows by a comment is left out.
    """
    found = [
        finding
        for rule in all_rules()
        if case.accounts is not None or not rule.needs_accounts
        for finding in rule.check(case)
    ]
    return sorted(set(without_allowed(found, case.sources)))


def _said_twice(candidates: Sequence[Candidate]) -> Iterator[Finding]:
    first: dict[str, Path] = {}
    for candidate in candidates:
        name, path = candidate.cadence.name, candidate.path
        if name in first:
            yield Finding(
                place=Place(file=str(path), line=1, column=1),
                rule="name-twice",
                level="error",
                message=f"`cadence: {name}` is also the name in {first[name]}; rename one of them",
            )
        first.setdefault(name, path)


def _as_error(problem: Problem) -> Finding:
    return Finding(place=problem.place, rule=problem.rule, level="error", message=problem.message)


def _under(folder: Path, finding: Finding) -> Finding:
    return replace(finding, place=replace(finding.place, file=str(folder / finding.place.file)))
