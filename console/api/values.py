"""What a request may say: bounded, and nothing that storage cannot take."""

import json
from typing import Annotated, Any

import structlog
from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from console.api.problems import HEADERS
from events.recording import Hints

log = structlog.get_logger(__name__)

_LARGEST = 2**63 - 1


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL")
    return text


Plain = Annotated[str, AfterValidator(_without_nul)]
Number = Annotated[int, Path(ge=1, le=_LARGEST)]
After = Annotated[int, Query(ge=-1, le=_LARGEST)]
Moment = Annotated[AwareDatetime | None, Query()]


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
