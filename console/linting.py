"""What `cadenza lint` shows: findings in columns or as JSON, and the prospects it looks at."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cadenza.authoring.lint.rule import Finding, People
from cadenza.sms.segments import measure
from console.terminal import counted, screen

_LONGEST_KEPT = 3
_STYLES = {"error": "bold red", "advice": "yellow"}


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was looked at, and what was found."""

    files: Sequence[Path]
    findings: Sequence[Finding]

    @property
    def errors(self) -> int:
        """How many errors there are."""
        return sum(finding.level == "error" for finding in self.findings)

    def as_json(self) -> Mapping[str, Any]:
        """The document of `--json`; see docs/tools/lint.md."""
        return {
            "files": len(self.files),
            "errors": self.errors,
            "advice": len(self.findings) - self.errors,
            "findings": [
                {
                    "file": finding.place.file,
                    "line": finding.place.line,
                    "column": finding.place.column,
                    "level": finding.level,
                    "rule": finding.rule,
                    "message": finding.message,
                }
                for finding in self.findings
            ],
        }


def show(report: Report) -> None:
    """Print the findings file by file, the errors of each first, and how many there are."""
    shown = screen()
    by_file: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_file.setdefault(finding.place.file, []).append(finding)
    for file, findings in by_file.items():
        shown.print(Text(file, style="bold"))
        shown.print(_columns(sorted(findings, key=lambda f: f.level != "error")))
        shown.print()
    advice = len(report.findings) - report.errors
    style = "red" if report.errors else "yellow" if advice else "green"
    shown.print(
        f"{counted(len(report.files), 'cadence')}: "
        f"{counted(report.errors, 'error')}, {counted(advice, 'piece')} of advice",
        style=style,
    )


def people_of(rows: Iterable[Mapping[str, str]]) -> People:
    """What rows of prospects say, as templates name it: `title` → `prospect.title` …"""
    longest: dict[str, list[str]] = {}
    for row in rows:
        for member, value in row.items():
            for name in _names(member):
                kept = longest.setdefault(name, [])
                if value not in kept:
                    kept.append(value)
                    kept.sort(key=lambda text: measure(text).units, reverse=True)
                    del kept[_LONGEST_KEPT:]
    return People(fields=frozenset(longest), longest=longest)


def _names(member: str) -> Sequence[str]:
    if member == "company":
        return ("company.name", "prospect.company")
    if member == "subject":
        return ("subject.id",)
    if member.startswith("party."):
        return (f"party.{member.rpartition('.')[2]}",)
    return (member,) if "." in member else (f"prospect.{member}",)


def _columns(findings: Sequence[Finding]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="dim", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold", ratio=1)
    grid.add_column(style="dim", no_wrap=True)
    for finding in findings:
        grid.add_row(
            Text(f"{finding.place.line}:{finding.place.column}"),
            Text(finding.level, style=_STYLES[finding.level]),
            Text(finding.message),
            Text(finding.rule),
        )
    return grid
