"""Applying cadence files: all of what is given, or nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cadenza.accounts import Accounts
from cadenza.catalog import apply_cadence
from cadenza.errors import CadenceError, ConfigurationError
from cadenza.language.cadence import Cadence
from cadenza.language.loader import Sources, load_cadence
from cadenza.language.source import Place, Problem
from cadenza.steps.touch import TouchStep
from cadenza.storage.database import Connection

_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A cadence file that compiled."""

    path: Path
    sources: Sources
    cadence: Cadence


@dataclass(frozen=True, kw_only=True)
class Applied:
    """A cadence file that is stored now. is_new: False if it says what ran already."""

    path: Path
    name: str
    version: int
    is_new: bool


def cadence_files(paths: Iterable[Path]) -> Sequence[Path]:
    """The files among `paths`, and the cadence files that lie directly in the folders among them.

    Raises ConfigurationError if a path does not exist or a folder holds no cadence.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.suffix in _ENDINGS and p.is_file())
            if not found:
                raise ConfigurationError(f"{path}: there is no cadence file (.yaml) in this folder")
            files += found
        elif path.exists():
            files.append(path)
        else:
            raise ConfigurationError(f"{path}: there is no such file or folder")
    return list(dict.fromkeys(files))


def read_cadences(files: Iterable[Path], accounts: Accounts) -> Sequence[Candidate]:
    """Read and compile. Raises CadenceError with every problem of every file."""
    problems: list[Problem] = []
    candidates: list[Candidate] = []
    for path in files:
        try:
            sources, cadence = load_cadence(path)
        except CadenceError as error:
            problems += error.problems
            continue
        problems += _missing_accounts(path, cadence, accounts)
        problems += [
            _said_twice(path, cadence, c) for c in candidates if c.cadence.name == cadence.name
        ]
        candidates.append(Candidate(path=path, sources=sources, cadence=cadence))
    if problems:
        raise CadenceError(problems)
    return candidates


async def apply_cadences(
    tx: Connection, candidates: Iterable[Candidate], now: datetime
) -> Sequence[Applied]:
    """Store each as the newest version of its cadence, unless it says what that says."""
    applied = []
    for candidate in candidates:
        name, version, is_new = await apply_cadence(tx, candidate.sources, now)
        applied.append(Applied(path=candidate.path, name=name, version=version, is_new=is_new))
    return applied


def _missing_accounts(path: Path, cadence: Cadence, accounts: Accounts) -> Sequence[Problem]:
    """What it would send from groups in which nobody sends; each channel once."""
    problems = {}
    for step in cadence.steps.values():
        if not isinstance(step, TouchStep) or step.channel in problems:
            continue
        of_channel = [a for a in accounts.accounts if a.channel == step.channel]
        group = cadence.groups.get(step.channel, "default")
        if any(a.group == group for a in of_channel):
            continue
        known = ", ".join(sorted({a.group for a in of_channel})) or "none"
        problems[step.channel] = Problem(
            place=Place(file=str(path), line=step.place.line, column=step.place.column),
            message=f"the accounts file has no {step.channel} account in group `{group}` to send "
            f"this from; add one, or write `from: {{{step.channel}: …}}` with a group that has "
            f"one (there: {known})",
        )
    return list(problems.values())


def _said_twice(path: Path, cadence: Cadence, other: Candidate) -> Problem:
    return Problem(
        place=Place(file=str(path), line=1, column=1),
        message=f"`cadence: {cadence.name}` is also the name in {other.path}; rename one of them",
    )
