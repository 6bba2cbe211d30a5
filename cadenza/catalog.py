"""The applied cadence versions, compiled once per process.

Versions are immutable, so what was compiled stays right for ever.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from cadenza.errors import UnknownName
from cadenza.language.cadence import Cadence
from cadenza.language.loader import Sources, compile_cadence
from cadenza.model import VersionId
from cadenza.storage import cadences
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection


class Catalog:
    """Compiled cadences by version."""

    def __init__(self) -> None:
        self._compiled: dict[VersionId, Cadence] = {}

    def __getitem__(self, version_id: VersionId) -> Cadence:
        """A version that `load` brought in before."""
        return self._compiled[version_id]

    async def load(self, db: Connection, version_ids: Iterable[VersionId]) -> None:
        """Make these versions available. Raises UnknownName."""
        for version_id in set(version_ids) - self._compiled.keys():
            stored = await cadences.by_id(db, version_id)
            if stored is None:
                raise UnknownName(f"there is no cadence version {version_id}")
            self._compiled[version_id] = compile_cadence(stored.sources)

    async def newest(self, db: Connection, name: str) -> StoredVersion:
        """What new enrollments of cadence `name` begin with, compiled too. Raises UnknownName."""
        stored = await cadences.newest(db, name)
        if stored is None:
            known = ", ".join(await cadences.names(db)) or "none was applied yet"
            raise UnknownName(f"there is no cadence {name!r}; known: {known}")
        await self.load(db, [stored.version_id])
        return stored

    async def newest_of_all(self, db: Connection) -> Sequence[Cadence]:
        """The newest version of every cadence, as new enrollments begin with it."""
        newest = await cadences.newest_of_all(db)
        await self.load(db, newest)
        return [self[version_id] for version_id in newest]


async def apply_cadence(tx: Connection, sources: Sources, now: datetime) -> tuple[str, int, bool]:
    """Check `sources` and store them as the newest version of their cadence.

    Returns (cadence name, version, is new). Raises CadenceError.
    """
    cadence = compile_cadence(sources)
    digest = hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()
    version, is_new = await cadences.store(
        tx, cadence.name, digest, sources, now, service=cadence.service
    )
    return cadence.name, version, is_new
