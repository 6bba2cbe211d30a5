"""Compares our ledger with the outside world's own: what was lost, what was sent twice."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Claim = tuple[int, str, str, str, str | None]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the witness says. Counts of touches.

    lost: we say sent, and it never saw them. duplicates: it saw more than
    we sent: the same message twice, or one that we do not know of.
    received: by channel, what it took.
    """

    lost: int
    duplicates: int
    received: Mapping[str, int]
    examples: Sequence[str]


async def compare(claims: Sequence[Claim], witnessed: AsyncIterable[Mapping[str, Any]]) -> Verdict:
    """Hold our claims against what was received.

    Messages are matched by the name that both sides know them by
    (Message-ID, SID, invitation or message id). A touch that is unknown to
    us may have arrived: one message to its recipient is accounted to it.
    """
    seen: Counter[tuple[str, str]] = Counter()
    recipients: dict[tuple[str, str], str] = {}
    received: Counter[str] = Counter()
    async for row in witnessed:
        if row["type"] != "received" or row["rejected"] is not None or row["channel"] == "rep_mail":
            continue
        name = (row["channel"], row["key"])
        seen[name] += 1
        recipients[name] = row["to"]
        received[row["channel"]] += 1

    examples: list[str] = []
    lost = 0
    unknown: defaultdict[tuple[str, str], int] = defaultdict(int)
    accounted: set[tuple[str, str]] = set()
    for touch_id, channel, recipient, status, provider_id in claims:
        name = (channel, provider_id or "")
        if name in seen:
            accounted.add(name)
        elif status == "unknown":
            unknown[channel, recipient.lower()] += 1
        else:
            lost += 1
            examples.append(f"touch {touch_id} ({channel}) was never received")
    duplicates = 0
    for name, count in seen.items():
        duplicates += count - 1
        if count > 1:
            examples.append(f"{name[0]} {name[1]} was received {count} times")
        if name in accounted:
            continue
        owed = (name[0], recipients[name].lower())
        if unknown[owed] > 0:
            unknown[owed] -= 1
        else:
            duplicates += 1
            examples.append(f"{name[0]} {name[1]} was received, and is not in the ledger")
    return Verdict(
        lost=lost, duplicates=duplicates, received=dict(received), examples=examples[:20]
    )
