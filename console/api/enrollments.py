"""`/api/enrollments` and `/api/prospects`: where people stand, and stopping them."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from cadenza.by_hand import steering
from cadenza.by_hand.who import find_people
from cadenza.insight.explaining import explain_enrollment
from cadenza.model import EnrollmentId
from console.api.values import Body, Number, Plain, answer, text
from console.processes.common import Parts


class Stop(Body):
    """Whom to stop, and why. who: as for `cadenza stop`."""

    who: Annotated[Plain, text(500)]
    reason: Annotated[Plain, text(500)]
    do_not_contact: bool = False


def routes(parts: Parts) -> APIRouter:
    """The endpoints."""
    router = APIRouter(tags=["enrollments"])

    @router.get("/enrollments/{number}")
    async def explain(number: Number) -> Response:
        """Where an enrollment stands, how it came there, and what it waits for."""
        async with parts.database.snapshot() as db:
            found = await explain_enrollment(
                db, parts.ground, parts.fence, EnrollmentId(number), now=parts.clock.now()
            )
        return answer(asdict(found))

    @router.post("/prospects/stop")
    async def stop(stop: Stop) -> Response:
        """End everything that runs for a prospect or a company."""
        async with parts.database.transaction() as tx:
            people = await find_people(tx, stop.who)
            done = await steering.stop(
                tx,
                people,
                reason=stop.reason,
                do_not_contact=stop.do_not_contact,
                course=parts.course,
                clock=parts.clock,
            )
        return answer(
            {
                "prospects": len(people),
                "enrollments": list(done.enrollments),
                "suppressed": done.suppressed,
            }
        )

    return router
