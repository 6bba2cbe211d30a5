"""The instance fence: a copied or restored database sends nothing until told that it is live.

Two databases that both believe to be the live one would touch everybody
twice; one out of a backup would repeat what left since. So the database
knows to which deployment it belongs, and whoever sends compares.
"""

from cadenza.clock import Clock
from cadenza.errors import FenceClosed
from cadenza.storage import instance
from cadenza.storage.database import Connection
from cadenza.storage.instance import Claimed, Identity

_MEND = (
    "nothing is staged or sent until `cadenza instance claim` says that this is the live one "
    "(docs/operations.md#a-copied-or-restored-database)"
)


class Fence:
    """Compares the database with the deployment that uses it.

    name: the deployment's, from CADENZA_INSTANCE. follows_failover: a new
    timeline is a standby that took over, and no restored backup.
    """

    def __init__(self, name: str, clock: Clock, *, follows_failover: bool = False) -> None:
        self._name = name
        self._clock = clock
        self._follows_failover = follows_failover
        self._ask_server: bool | None = None

    async def check(self, db: Connection) -> None:
        """Raises FenceClosed unless the database is ours.

        The first who uses a database claims it, and the first who has a
        name gives it that.
        """
        identity, claimed = await self.look(db)
        if claimed is None:
            await instance.claim_first(db, identity, self._clock.now())
            identity, claimed = await self.look(db)
        if claimed is not None and not claimed.identity.name and self._name:
            await instance.name_it(db, self._name)
            identity, claimed = await self.look(db)
        reason = self._difference(identity, claimed)
        if reason is not None:
            raise FenceClosed(f"{reason}: {_MEND}")

    async def closed(self, db: Connection) -> str | None:
        """Why nothing is sent; None if all is well. Changes nothing."""
        reason = self._difference(*await self.look(db))
        return None if reason is None else f"{reason}: {_MEND}"

    async def claim(self, tx: Connection) -> None:
        """This is the live one."""
        identity, _ = await self.look(tx)
        await instance.claim(tx, identity, self._clock.now())

    async def look(self, db: Connection) -> tuple[Identity, Claimed | None]:
        """What the database is now, and to whom it belongs; None: it was never used."""
        if self._ask_server is None:
            self._ask_server = await instance.may_ask_server(db)
        return await instance.look(db, self._name, ask_server=self._ask_server)

    def _difference(self, now: Identity, claimed: Claimed | None) -> str | None:
        """What is not as it was when the database was claimed."""
        if claimed is None:
            return None
        was = claimed.identity
        if was.name and was.name != now.name:
            called = f"{now.name!r}" if now.name else "nameless (CADENZA_INSTANCE is not set)"
            return f"the database belongs to the instance {was.name!r}, and this one is {called}"
        known = was.system_identifier is not None and now.system_identifier is not None
        if known and was.system_identifier != now.system_identifier:
            return "the database was copied to another server"
        if (was.database_oid, was.table_oid) != (now.database_oid, now.table_oid):
            return "the database was copied or restored from a dump"
        if was.timeline != now.timeline and not self._follows_failover:
            return "the database was restored to a point in time, or a standby took over"
        return None
