"""How an import looks: its columns, what its rows would become, what came of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from cadenza.storage.receipts import Receipt, RowVerdict
from console.enroll.columns import Column
from console.enroll.csv_text import Table
from console.enroll.dry_run import Fate
from console.enroll.outcome import Outcome
from console.enroll.table import WrongRow
from console.terminal import both_times, cell, counted, table

_MOST_SHOWN = 50
_HOW = {"said": "as you said", "guessed": "by its title", "field": "field for templates"}
_DELIMITERS = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}


def show_columns(screen: Console, read: Table, columns: Sequence[Column]) -> None:
    """What was found out about the file."""
    title = (
        f"{counted(len(read.records), 'row')}, {read.encoding}, cells parted by "
        f"{_DELIMITERS[read.delimiter]}"
    )
    rows = [(column.title, column.member, _HOW[column.how]) for column in columns]
    screen.print(table(title, ("column", "becomes", "how"), rows))


def show_fates(screen: Console, fates: Sequence[Fate], wrong: Sequence[WrongRow]) -> None:
    """What a dry run found: the first rows that would be enrolled, and what is wrong."""
    good = [fate for fate in fates if fate.verdict == "enrolled"]
    if good:
        title = f"{counted(len(good), 'row')} would be enrolled"
        columns = ("row", "prospect", "email", "phone", "company", "owner", "first touch")
        screen.print()
        screen.print(table(title, columns, [_told(fate) for fate in good[:_MOST_SHOWN]]))
        _show_rest(screen, len(good))
    refused = [
        (fate.number, fate.verdict, fate.field, fate.reason)
        for fate in fates
        if fate.verdict != "enrolled"
    ]
    refused += [(row.number, "rejected", None, row.reason) for row in wrong]
    _show_refused(screen, sorted(refused))
    screen.print("\nNothing was sent: this was a dry run.")


def fates_as_json(fates: Sequence[Fate], wrong: Sequence[WrongRow]) -> Mapping[str, Any]:
    """The same for programs, with every row."""
    rows = [_fate_as_json(fate) for fate in fates]
    rows += [{"row": w.number, "verdict": "rejected", "reason": w.reason} for w in wrong]
    counts = Counter(row["verdict"] for row in rows)
    return {
        "dry_run": True,
        "enrolled": counts["enrolled"],
        "duplicates": counts["duplicate"],
        "rejected": counts["rejected"],
        "refused": counts["refused"],
        "rows": sorted(rows, key=lambda row: int(row["row"])),
    }


def show_outcome(screen: Console, outcome: Outcome) -> None:
    """Totals and the rows that were refused."""
    for receipt in outcome.unreadable:
        screen.print(cell(f"{receipt.message_key}: refused: {receipt.reason}"), style="red")
    rows = [(row.number, row.verdict, row.field, row.reason) for row in outcome.refused]
    _show_refused(screen, rows)
    later = f" ({outcome.dated:,} of them on a later day)" if outcome.dated else ""
    refused = f"   refused {outcome.turned_away:,}" if outcome.turned_away else ""
    screen.print(
        f"\nenrolled {outcome.enrolled:,}{later}   already there {outcome.duplicates:,}   "
        f"rejected {outcome.rejected:,}{refused}"
    )


def outcome_as_json(keys: Sequence[str], outcome: Outcome) -> Mapping[str, Any]:
    """The same for programs."""
    return {
        "keys": list(keys),
        "enrolled": outcome.enrolled,
        "duplicates": outcome.duplicates,
        "rejected": outcome.rejected,
        "refused": outcome.turned_away,
        "dated": outcome.dated,
        "refused_rows": [row.as_json() for row in outcome.refused],
        "unreadable": [receipt.as_json() for receipt in outcome.unreadable],
    }


def show_receipts(screen: Console, found: Sequence[Receipt]) -> None:
    """Receipts, one a line."""
    columns = (
        "message",
        "cadence",
        "status",
        "enrolled",
        "not enrolled",
        "received (UTC)",
        "reason",
    )
    rows = [
        (r.message_key, r.cadence, r.status, r.accepted, r.rejected, r.received_at, r.reason)
        for r in found
    ]
    screen.print(table("Receipts", columns, rows))


def show_verdicts(screen: Console, key: str, verdicts: Sequence[RowVerdict]) -> None:
    """Every row's verdict of one message."""
    columns = ("prospects[n]", "verdict", "enrollment", "field", "reason")
    rows = [(v.row_number, v.verdict, v.enrollment_id, v.field, v.reason) for v in verdicts]
    screen.print()
    screen.print(table(key, columns, rows))


def _show_refused(screen: Console, rows: Sequence[tuple[int, str, str | None, str | None]]) -> None:
    if rows:
        screen.print()
        title = f"{counted(len(rows), 'row')} {'is' if len(rows) == 1 else 'are'} not enrolled"
        columns = ("row", "verdict", "member", "reason")
        screen.print(table(title, columns, rows[:_MOST_SHOWN]))
        _show_rest(screen, len(rows))


def _show_rest(screen: Console, count: int) -> None:
    if count > _MOST_SHOWN:
        screen.print(f"… and {count - _MOST_SHOWN:,} more; --json prints all", style="dim")


def _told(fate: Fate) -> tuple[Any, ...]:
    p = fate.prospect
    if p is None:
        raise TypeError(f"row {fate.number} has no prospect")
    first = None
    if fate.first is not None:
        first = f"{fate.first.step}, {both_times(fate.first.due_at, p.time_zone)}"
    return (fate.number, p.key, p.email, p.phone, p.company, p.owner_id, first)


def _fate_as_json(fate: Fate) -> dict[str, Any]:
    told: dict[str, Any] = {"row": fate.number, "verdict": fate.verdict}
    if fate.reason is not None:
        told |= {"reason": fate.reason, "field": fate.field}
    if (p := fate.prospect) is not None:
        told["prospect"] = {
            "key": p.key,
            "email": p.email,
            "phone": p.phone,
            "linkedin": p.profile,
            "company": p.company,
            "owner": p.owner_id,
            "time_zone": p.time_zone,
            "country": p.country,
            "locale": p.locale,
            "fields": dict(p.fields),
        }
    if fate.starts_at is not None:
        told["starts_at"] = fate.starts_at
    if fate.first is not None:
        told["first"] = {"step": fate.first.step, "due_at": fate.first.due_at}
    return told
