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

_UNCLAIMED = (
    "the database holds enrollments or touches, and no claim: it was copied or restored without "
    "its table `instance`, or is older than that table"
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
        name gives it that. One in which somebody is enrolled is not new.
        """
        identity, claimed = await self.look(db)
        if claimed is None:
            if not await instance.is_used(db):
                await instance.claim_first(db, identity, self._clock.now())
            identity, claimed = await self.look(db)
        if claimed is not None and not claimed.identity.name and self._name:
            await instance.name_it(db, self._name)
            identity, claimed = await self.look(db)
        reason = await self._reason(db, identity, claimed)
        if reason is not None:
            raise FenceClosed(f"{reason}: {_MEND}")

    async def closed(self, db: Connection) -> str | None:
        """Why nothing is sent; None if all is well. Changes nothing."""
        reason = await self._reason(db, *await self.look(db))
        return None if reason is None else f"{reason}: {_MEND}"

    async def claim(self, tx: Connection) -> None:
        """This is the live one."""
        identity, _ = await self.look(tx)
        await instance.claim(tx, identity, self._clock.now())

    async def look(self, db: Connection) -> tuple[Identity, Claimed | None]:
        """What the database is now, and to whom it belongs; None: nobody claimed it."""
        if self._ask_server is None:
            self._ask_server = await instance.may_ask_server(db)
        return await instance.look(db, self._name, ask_server=self._ask_server)

    async def _reason(self, db: Connection, now: Identity, claimed: Claimed | None) -> str | None:
        """Why it is not ours; None if it is, or nobody's yet."""
        if claimed is not None:
            return self._difference(now, claimed.identity)
        return _UNCLAIMED if await instance.is_used(db) else None

    def _difference(self, now: Identity, was: Identity) -> str | None:
        """What is not as it was when the database was claimed."""
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
