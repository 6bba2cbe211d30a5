"""Groups from which live cadences send and which the accounts file does not have.

Their touches wait (`no_sender_account`), and nothing else would say so
before the first of them comes due.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cadenza.accounts import Accounts
from cadenza.catalog import Catalog
from cadenza.errors import CadenceError
from cadenza.language.cadence import Cadence
from cadenza.model import Channel
from cadenza.steps.touch import TouchStep
from cadenza.storage import cadences
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class MissingGroup:
    """A group without an account on a channel, and the cadence version that sends from it."""

    cadence: str
    version: int
    channel: Channel
    group: str

    def __str__(self) -> str:
        return (
            f"cadence {self.cadence} (version {self.version}) sends from {self.channel} group "
            f"{self.group}, in which the accounts file has no account: its touches wait"
        )


async def missing_groups(
    db: Connection, catalog: Catalog, accounts: Accounts
) -> Sequence[MissingGroup]:
    """Of what new enrollments begin with, and what is under way; by cadence and version.

    Versions that an older release stored and this one cannot read are passed over.
    """
    found: list[MissingGroup] = []
    for live in await cadences.live(db):
        try:
            await catalog.load(db, [live.version_id])
        except CadenceError:
            continue
        found += [
            MissingGroup(cadence=live.name, version=live.version, channel=channel, group=group)
            for channel, group in _groups(catalog[live.version_id])
            if not accounts.members(channel, group)
        ]
    return found


def _groups(cadence: Cadence) -> Iterator[tuple[Channel, str]]:
    """From which groups the touches of a cadence leave, each channel once."""
    channels = {s.channel for s in cadence.steps.values() if isinstance(s, TouchStep)}
    for channel in sorted(channels):
        yield channel, cadence.groups.get(channel, "default")
