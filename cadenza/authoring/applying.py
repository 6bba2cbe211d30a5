"""Applying cadence files: all of what is given, or nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cadenza.accounts import Accounts
from cadenza.authoring.lint.run import Candidate, lint_files
from cadenza.catalog import apply_cadence
from cadenza.errors import CadenceError
from cadenza.language.source import Problem
from cadenza.storage import cadences
from cadenza.storage.database import Connection

__all__ = ["Applied", "Candidate", "apply_cadences", "read_cadences"]


@dataclass(frozen=True, kw_only=True)
class Applied:
    """A cadence file that is stored now. is_new: False if it says what ran already."""

    path: Path
    name: str
    version: int
    is_new: bool


def read_cadences(files: Iterable[Path], accounts: Accounts) -> Sequence[Candidate]:
    """Read, compile and lint; advice does not count.

    Raises CadenceError with every problem of every file.
    """
    candidates, findings = lint_files(files, accounts=accounts)
    problems = [
        Problem(place=finding.place, message=finding.message, rule=finding.rule)
        for finding in findings
        if finding.level == "error"
    ]
    if problems:
        raise CadenceError(problems)
    return candidates


async def apply_cadences(
    tx: Connection, candidates: Iterable[Candidate], now: datetime
) -> Sequence[Applied]:
    """Store each as the newest version of its cadence, unless it says what that says."""
    candidates, applied = [*candidates], []
    await cadences.hold(tx, [candidate.cadence.name for candidate in candidates])
    for candidate in candidates:
        name, version, is_new = await apply_cadence(tx, candidate.sources, now)
        applied.append(Applied(path=candidate.path, name=name, version=version, is_new=is_new))
    return applied
