"""`/api/signals`: what the outside tells of an order, a claim or a person."""

import json
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from cadenza.enrolling.envelope import UnreadableMessage
from cadenza.errors import UnknownName
from cadenza.storage import receipts
from cadenza.storage.receipts import SIGNAL
from console.api.values import After, Body, Plain, answer, give_hint, text
from console.processes.common import Parts
from events.recording import Hints
from workers.take_signals import SignalTaker

MOST_SIGNALS = 500

Key = Annotated[Plain, Path(min_length=1, max_length=200)]
Limit = Annotated[int, Query(ge=0, le=5_000)]


class Signals(Body):
    """A message as on the stream: signals under a key that names them for ever."""

    key: Annotated[Plain, text(200)]
    signals: Annotated[list[Any], Field(min_length=1, max_length=MOST_SIGNALS)]


def routes(parts: Parts, hints: Hints | None) -> APIRouter:
    """The endpoints. hints: awaited after signals were stored, so that workers look at once."""
    router = APIRouter(prefix="/signals", tags=["signals"])
    taker = SignalTaker(database=parts.database, ground=parts.ground)

    @router.post("")
    async def tell(told: Signals) -> Response:
        """Store signals, each with a verdict. The same key again is answered as at first."""
        document = {"key": told.key, "signals": told.signals}
        receipt = await taker.take(json.dumps(document).encode())
        if receipt.status == "unreadable":
            raise UnreadableMessage(receipt.reason or "it cannot be read", told.key)
        await give_hint(hints)
        async with parts.database.connection() as db:
            found = await receipts.verdicts(db, told.key, most=MOST_SIGNALS, kind=SIGNAL)
        return answer({"receipt": receipt.as_json(), "rows": [asdict(v) for v in found]})

    @router.get("/receipts/{key:path}")
    async def show_receipt(key: Key, limit: Limit = 1_000, after: After = -1) -> Response:
        """The receipt of a message with signals, and a page of the verdicts on them."""
        async with parts.database.connection() as db:
            receipt = await receipts.find(db, key, SIGNAL)
            if receipt is None:
                raise UnknownName("there is no receipt for this key: not sent, or not read yet")
            found = await receipts.verdicts(db, key, after=after, most=limit + 1, kind=SIGNAL)
        page = found[:limit]
        following = page[-1].row_number if page and len(found) > limit else None
        return answer(
            {
                "receipt": receipt.as_json(),
                "rows": [asdict(verdict) for verdict in page],
                "next": following,
            }
        )

    return router
