"""Errors as `application/problem+json` (RFC 9457): what is wrong, never whom it is about."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from asyncpg.exceptions import InterfaceError, PostgresConnectionError
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cadenza.accounts.states import AccountIsSo
from cadenza.by_hand.outcomes import CannotBeSet, IllegalTransition, RequirementsMissing
from cadenza.by_hand.tasking import ItemsMissing, TaskClosed, WrongDisposition
from cadenza.enrolling.envelope import UnreadableMessage
from cadenza.errors import CadenzaError, UnknownName

MEDIA_TYPE = "application/problem+json"
HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

_STATUS_BY_ERROR: Mapping[type[CadenzaError], int] = {
    UnknownName: 404,
    UnreadableMessage: 422,
    WrongDisposition: 422,
    ItemsMissing: 422,
    TaskClosed: 409,
    RequirementsMissing: 409,
    IllegalTransition: 409,
    CannotBeSet: 409,
    AccountIsSo: 409,
}
# Most often curl's `-d` alone, which calls it a form.
_NO_JSON = {
    "model_attributes_type": (
        "must be a JSON object; send it with the header `Content-Type: application/json`"
    )
}
_STORAGE_AWAY = (OSError, InterfaceError, PostgresConnectionError, DBAPIError, PoolTimeoutError)


def problem(
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """An answer that says what is wrong. more: further members of the document."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **(more or {}),
    }
    return Response(
        json.dumps(document, ensure_ascii=False),
        status,
        media_type=MEDIA_TYPE,
        headers={**HEADERS, **(headers or {})},
    )


def answer_problems(app: FastAPI) -> None:
    """Let everything that goes wrong in `app` be answered like this."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    for error in _STATUS_BY_ERROR:
        app.add_exception_handler(error, _refused)
    for away in _STORAGE_AWAY:
        app.add_exception_handler(away, _unavailable)


async def _http(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return problem(error.status_code, str(error.detail), headers=error.headers)


async def _wrong_request(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    # Where and what, without the values: they may be about people.
    wrong = [
        {
            "at": ".".join(str(part) for part in e["loc"]),
            "problem": _NO_JSON.get(e["type"], e["msg"]),
        }
        for e in error.errors()[:20]
    ]
    detail = "; ".join(f"{e['at']}: {e['problem']}" for e in wrong)
    return problem(422, detail[:1000], more={"errors": wrong})


async def _refused(_request: Request, error: Exception) -> Response:
    status = next(s for kind, s in _STATUS_BY_ERROR.items() if isinstance(error, kind))
    return problem(status, str(error), more=getattr(error, "details", None))


async def _unavailable(_request: Request, _error: Exception) -> Response:
    return problem(503, "the database does not answer", headers={"retry-after": "5"})
