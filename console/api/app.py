"""Puts the API together."""

from fastapi import FastAPI
from pydantic import SecretStr

from console.api import accounts, enrollments, outcomes, receipts, signals, tasks
from console.api.guard import Guard
from console.api.problems import answer_problems
from console.processes.common import Parts, version
from events.recording import Hints


def api_app(parts: Parts, *, token: SecretStr | None, hints: Hints | None = None) -> FastAPI:
    """The API as an ASGI application, to be mounted at `/api`.

    token: what callers have to show; without one everything is answered
    with 503. hints: awaited after an event was stored. Its OpenAPI document
    is at `openapi.json`, for callers with the token.
    """
    app = FastAPI(
        title="Cadenza", version=version(), docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.add_middleware(Guard, token=token)
    answer_problems(app)
    app.include_router(tasks.routes(parts, hints))
    app.include_router(receipts.routes(parts))
    app.include_router(signals.routes(parts, hints))
    app.include_router(enrollments.routes(parts))
    app.include_router(accounts.routes(parts))
    app.include_router(outcomes.routes(parts, hints))
    return app
