"""What a request may say: bounded, and nothing that storage cannot take."""

import json
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from console.api.problems import HEADERS

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


def answer(document: Any) -> Response:
    """A JSON answer; moments as ISO 8601."""
    body = json.dumps(document, ensure_ascii=False, default=lambda value: value.isoformat())
    return Response(body, media_type="application/json", headers=HEADERS)
