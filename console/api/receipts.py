"""`/api/receipts`: what became of an enrollment message."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from cadenza.errors import UnknownName
from cadenza.storage import receipts
from console.api.values import After, Plain, answer
from console.processes.common import Parts

Key = Annotated[Plain, Path(min_length=1, max_length=200)]
Limit = Annotated[int, Query(ge=0, le=5_000)]


def routes(parts: Parts) -> APIRouter:
    """The endpoints."""
    router = APIRouter(prefix="/receipts", tags=["receipts"])

    @router.get("/{key:path}")
    async def show_receipt(key: Key, limit: Limit = 1_000, after: After = -1) -> Response:
        """The receipt of message `key`, and a page of the verdicts on its rows."""
        async with parts.database.connection() as db:
            receipt = await receipts.find(db, key)
            if receipt is None:
                raise UnknownName("there is no receipt for this key: not sent, or not read yet")
            found = await receipts.verdicts(db, key, after=after, most=limit + 1)
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
