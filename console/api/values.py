"""What a request may say: bounded, and nothing that storage cannot take."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from cadenza.enrolling.row_values import is_storable
from console.api.problems import HEADERS
from events.recording import Hints

log = structlog.get_logger(__name__)

_LARGEST = 2**63 - 1


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("must not contain NUL or half a pair of surrogates")
    return text


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be between the years 1 and 9999 in UTC") from error


Plain = Annotated[str, AfterValidator(_storable)]
Number = Annotated[int, Path(ge=1, le=_LARGEST)]
After = Annotated[int, Query(ge=-1, le=_LARGEST)]
Moment = Annotated[Annotated[AwareDatetime, AfterValidator(_in_utc)] | None, Query()]


class Body(BaseModel):
    """A JSON object with these members and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def text(most: int) -> Any:
    """A member that is a text of 1 to `most` characters."""
    return Field(min_length=1, max_length=most)


async def give_hint(hints: Hints | None) -> None:
    """Tell workers that there is something to apply."""
    if hints is None:
        return
    try:
        await hints()
    except Exception as error:  # noqa: BLE001 - a hint may be lost: workers sweep
        log.warning("hint_not_sent", error=type(error).__name__)


def answer(document: Any) -> Response:
    """A JSON answer; moments as ISO 8601."""
    body = json.dumps(document, ensure_ascii=False, default=lambda value: value.isoformat())
    return Response(body, media_type="application/json", headers=HEADERS)
