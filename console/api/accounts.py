"""`/api/accounts`: how the sender accounts stand; let one rest, let it go on."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from cadenza.accounts.states import pause_account
from cadenza.slots.filling import go_on
from console.accounts_view import read_accounts
from console.api.values import Body, Plain, answer, text
from console.processes.common import Parts

Id = Annotated[Plain, Path(alias="id", max_length=63)]


class Rest(Body):
    """Why an account is to rest; for_good: it will not come back."""

    reason: Annotated[Plain, text(500)]
    for_good: bool = False


def routes(parts: Parts) -> APIRouter:
    """The endpoints."""
    router = APIRouter(prefix="/accounts", tags=["accounts"])

    @router.get("")
    async def list_accounts() -> Response:
        """All sender accounts, in the order of the accounts file."""
        async with parts.database.snapshot() as db:
            lines = await read_accounts(db, parts.accounts, parts.clock.now())
        return answer({"accounts": [asdict(line) for line in lines]})

    @router.post("/{id}/pause")
    async def pause(account: Id, rest: Rest) -> Response:
        """Let an account rest: its touches wait."""
        async with parts.database.transaction() as tx:
            made = await pause_account(
                tx,
                parts.accounts,
                account,
                reason=rest.reason,
                for_good=rest.for_good,
                clock=parts.clock,
            )
        state = "retired" if made.retired else "paused"
        return answer({"id": account, "state": state, "since": made.paused_at})

    @router.post("/{id}/resume")
    async def resume(account: Id) -> Response:
        """Let an account go on; what waited for it gets free times from now on."""
        async with parts.database.transaction() as tx:
            count = await go_on(tx, parts.ground, account)
        return answer({"id": account, "state": "active", "touches": count})

    return router
