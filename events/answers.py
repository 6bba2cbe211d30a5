"""Writes one HTTP answer, with the headers that every answer carries."""

from collections.abc import Mapping
from html import escape

from starlette.types import Send

from cadenza.errors import EventRejected
from cadenza.model import Answer

SECURITY_HEADERS: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",  # a link's token must not travel on with its visitor
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
_SECURITY_HEADERS = {name.encode(): value.encode() for name, value in SECURITY_HEADERS.items()}
_RETRY_AFTER_SECONDS = "5"


async def send_answer(
    send: Send, answer: Answer, *, head: bool = False, close: bool = False
) -> None:
    """Send `answer`; for HEAD without its body. close: end the connection after it."""
    headers = dict(_SECURITY_HEADERS)
    for name, value in answer.headers.items():
        headers[name.lower().encode("latin-1")] = value.encode("latin-1")
    if answer.status != 204:
        headers[b"content-length"] = str(len(answer.body)).encode()
        if answer.body:
            headers[b"content-type"] = answer.media_type.encode("latin-1")
    if close:
        headers[b"connection"] = b"close"
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": list(headers.items()),
        }
    )
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


def refusal(error: EventRejected) -> Answer:
    """The terse answer to what is not stored. Says nothing of what was sent."""
    return Answer(status=error.status, body=str(error).encode())


def unavailable(answer: Answer) -> Answer:
    """The answer while events cannot be stored: come again.

    A person who followed a link gets it to follow by hand, so that our
    trouble does not keep them from where they want to go.
    """
    headers = {"retry-after": _RETRY_AFTER_SECONDS}
    target = answer.headers.get("location")
    if target is None:
        return Answer(status=503, body=b"try again later", headers=headers)
    link = escape(target)
    return Answer(
        status=503,
        media_type="text/html; charset=utf-8",
        body=(
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>One moment</title>'
            f'<meta http-equiv="refresh" content="{_RETRY_AFTER_SECONDS}"></head>'
            f'<body><p>One moment, please … or go on to <a href="{link}">{link}</a>.</p>'
            "</body></html>"
        ).encode(),
        headers=headers,
    )
