"""The do-not-contact list as people write it: addresses, domains, numbers, people."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cadenza.addresses import email_address, linkedin_profile, mail_domain, phone_number
from cadenza.by_hand.steering import happen
from cadenza.clock import Clock
from cadenza.course.course import Course
from cadenza.model import Outcome
from cadenza.storage import do_not_contact
from cadenza.storage.database import Connection, Database
from cadenza.storage.suppressions import MARKETING, Ban
from cadenza.suppression.suppressing import suppress

REASON = "do-not-contact list"
CHUNK = 1_000
_LONGEST = 500


def _prospect(text: str) -> str:
    """A prospect's key; a producer's own id as it stands in messages is written `id:…`."""
    kind, sign, value = text.partition(":")
    if not sign or kind not in ("id", "email", "phone", "social") or not value:
        raise ValueError("is not the key of a prospect: write prospect:id:THEIR-ID")
    return text


_NORMALISE: Mapping[str, Callable[[str], str]] = {
    "email": email_address,
    "domain": mail_domain,
    "phone": phone_number,
    "social": linkedin_profile,
    "prospect": _prospect,
}


def read_entry(text: str) -> str:
    """What somebody wrote → the key on the list.

    `ada@example.com`, `@example.com` or `example.com` (everybody there),
    `+33 6 12 34 56 78`, a LinkedIn profile's web address, `id:4711` (a
    prospect by the producer's id), or a key itself: `email:…`, `domain:…`,
    `phone:…`, `social:…`, `prospect:…`; before each of them `marketing:`
    for what forbids sales cadences alone. Raises ValueError that says what
    is wrong, without the text.
    """
    text = text.strip()
    if text.startswith(MARKETING):
        return for_marketing(read_entry(text.removeprefix(MARKETING)))
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise ValueError(f"must have 1 to {_LONGEST} printable characters")
    kind, sign, value = text.partition(":")
    if sign and kind in _NORMALISE:
        return f"{kind}:{_NORMALISE[kind](value.strip())}"
    kind = _guessed(text)
    return f"{kind}:{_NORMALISE[kind](text)}"


def for_marketing(key: str) -> str:
    """The key that forbids sales cadences alone, where `key` forbids them at least."""
    return key if key.startswith(MARKETING) else f"{MARKETING}{key}"


def _guessed(text: str) -> str:
    if text.startswith("id:"):
        return "prospect"
    if text.startswith(("+", "00")):
        return "phone"
    if "linkedin.com/in/" in text.lower():
        return "social"
    if "@" in text[1:]:
        return "email"
    if "." in text:
        return "domain"
    raise ValueError(
        "is neither an address, a domain nor a number: write +33…, example.com or id:THEIR-ID"
    )


@dataclass(frozen=True, kw_only=True)
class Forbidden:
    """What an addition came to. added: new entries. known: there already. stopped: enrollments."""

    added: int = 0
    known: int = 0
    stopped: int = 0

    def plus(self, other: "Forbidden") -> "Forbidden":
        """Both together."""
        return Forbidden(
            added=self.added + other.added,
            known=self.known + other.known,
            stopped=self.stopped + other.stopped,
        )


async def forbid(
    tx: Connection,
    keys: Sequence[str],
    *,
    reason: str,
    source: str,
    course: Course,
    clock: Clock,
) -> Forbidden:
    """Put keys on the list and end what they forbid of what runs, as opted out."""
    keys = sorted(set(keys))
    bans = [Ban(key=key, reason=reason, source=source) for key in keys]
    done = await suppress(tx, bans, clock=clock)
    ids = done.enrollments
    data = {"outcome": Outcome.OPTED_OUT, "reason": reason}
    await happen(tx, ids, "stopped", data, course=course, clock=clock)
    return Forbidden(added=done.added, known=len(keys) - done.added, stopped=len(ids))


async def forbid_all(
    database: Database,
    keys: Sequence[str],
    *,
    reason: str,
    source: str,
    course: Course,
    clock: Clock,
) -> Forbidden:
    """The same for any number of keys, in transactions of a thousand: it may be repeated."""
    total = Forbidden()
    keys = sorted(set(keys))
    for start in range(0, len(keys), CHUNK):
        async with database.transaction() as tx:
            total = total.plus(
                await forbid(
                    tx,
                    keys[start : start + CHUNK],
                    reason=reason,
                    source=source,
                    course=course,
                    clock=clock,
                )
            )
    return total


async def allow_all(database: Database, keys: Sequence[str]) -> int:
    """Take keys off the list, in transactions of a thousand; returns how many were there.

    What was ended because of them stays so.
    """
    removed = 0
    keys = sorted(set(keys))
    for start in range(0, len(keys), CHUNK):
        async with database.transaction() as tx:
            removed += await do_not_contact.remove(tx, keys[start : start + CHUNK])
    return removed
