"""`/api/enrollments/{id}/…`: what a rep or another system knows of one enrollment."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from cadenza.by_hand import outcomes
from cadenza.by_hand.outcomes import StatusReport
from cadenza.errors import UnknownName
from cadenza.model import EnrollmentId, Event, EventType, Outcome
from cadenza.storage import enrollments, events
from console.api.values import Body, Number, Plain, answer, give_hint, text
from console.processes.common import Parts
from events.recording import Hints

SOURCE = "api"


class SetOutcome(Body):
    """How it ended."""

    outcome: Outcome
    note: Annotated[Plain, Field(max_length=500)] = ""


class SetStatus(Body):
    """How it stands in the CRM."""

    status: Annotated[Plain, text(100)]


class Happened(Body):
    """Something that another system knows. key: names it for ever."""

    event: Literal[EventType.MEETING_BOOKED, EventType.GOAL]
    key: Annotated[Plain, Field(max_length=200)] = ""


def routes(parts: Parts, hints: Hints | None) -> APIRouter:
    """The endpoints. hints: awaited after an event was stored, so that workers look at once."""
    router = APIRouter(prefix="/enrollments/{number}", tags=["enrollments"])

    @router.post("/outcome")
    async def set_outcome(number: Number, said: SetOutcome) -> Response:
        """End an enrollment. The same again is answered like the first time."""
        async with parts.database.transaction() as tx:
            await outcomes.set_outcome(
                tx,
                EnrollmentId(number),
                said.outcome,
                said.note,
                course=parts.course,
                clock=parts.clock,
            )
        return answer({"enrollment": number, "outcome": said.outcome})

    @router.get("/status")
    async def show_status(number: Number) -> Response:
        """The status in the CRM, what may follow it, and all that there were."""
        async with parts.database.snapshot() as db:
            report = await outcomes.status_of(db, EnrollmentId(number), course=parts.course)
        return answer(_told(report))

    @router.post("/status")
    async def set_status(number: Number, said: SetStatus) -> Response:
        """Change the status. The present one again changes nothing."""
        async with parts.database.transaction() as tx:
            report = await outcomes.set_status(
                tx, EnrollmentId(number), said.status, course=parts.course, clock=parts.clock
            )
        return answer(_told(report))

    @router.post("/events")
    async def tell(number: Number, said: Happened) -> Response:
        """Store a booked meeting or a reached goal; workers apply it within a moment."""
        now = parts.clock.now()
        event = Event(
            source=SOURCE,
            external_id=f"{number}:{said.event}:{said.key}",
            type=said.event,
            occurred_at=now,
            about=[],
            data={"enrollment_id": number},
        )
        async with parts.database.transaction() as tx:
            if not await enrollments.load(tx, [EnrollmentId(number)]):
                raise UnknownName(f"there is no enrollment {number}")
            is_new = bool(await events.record(tx, [event], now))
        await give_hint(hints)
        return answer({"enrollment": number, "event": said.event, "is_new": is_new})

    return router


def _told(report: StatusReport) -> dict[str, object]:
    told = asdict(report)
    return {
        "enrollment": told.pop("enrollment_id"),
        "status": told.pop("status"),
        "crm": {"field": told.pop("field"), "value": told.pop("value")},
        **told,
    }
