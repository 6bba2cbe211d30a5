"""The click redirect: records that a link of a mail was followed, and leads on."""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC
from typing import Self
from urllib.parse import quote, urlsplit

from cadenza.abc import EventSource
from cadenza.accounts import Accounts
from cadenza.errors import InvalidToken
from cadenza.links import LinkSigner
from cadenza.model import Answer, Event, EventType, RawRequest, Route, TouchRef
from cadenza.settings import Settings
from events.human import scored_by
from events.pages import PAGE_HEADERS, PAGE_MEDIA_TYPE, chosen_language, unknown_link_page

_MAX_TARGET = 4096
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
# RFC 3986 §2.2 and §2.3, and the percent sign of what is encoded already.
_URL_CHARACTERS = ":/?#[]@!$&'()*+,;=%-._~"


class ClickSource(EventSource):
    """`GET /c/{token}?u=URL` → CLICKED and a redirect to URL.

    The token signs the URL, so this is no open redirect: what no
    template of ours pointed to gets a 404 page. Only http and https.
    Repeated within one minute by the same sort of visitor, person or
    machine, it is the same event (see `open_pixel`).
    """

    name = "click"
    max_body_bytes = 0

    def __init__(self, signer: LinkSigner) -> None:
        self._signer = signer

    @classmethod
    def from_settings(cls, settings: Settings, signer: LinkSigner, accounts: Accounts) -> Self:
        del settings, accounts
        return cls(signer)

    @property
    def routes(self) -> Sequence[Route]:
        return (Route(method="GET", path="/c/{token}"),)

    def receive(self, request: RawRequest) -> Answer:
        target = request.query.get("u", "")
        location = redirect_location(target)
        try:
            touch_id = self._signer.read("click", request.path_params["token"], target)
        except InvalidToken:
            location = None
        if location is None:
            language = chosen_language(request.headers.get("accept-language", ""))
            return Answer(
                status=404,
                media_type=PAGE_MEDIA_TYPE,
                headers=PAGE_HEADERS,
                body=unknown_link_page(language),
            )
        minute = request.received_at.astimezone(UTC).strftime("%Y%m%dT%H%M")
        which = hashlib.blake2s(target.encode(), digest_size=8).hexdigest()
        by = scored_by(request.headers.get("user-agent", ""), request.method)
        event = Event(
            source=self.name,
            # A filter's visit must not stand for the person's a moment later.
            external_id=f"{touch_id}.{which}.{minute}{'.m' if by == 'machine' else ''}",
            type=EventType.CLICKED,
            occurred_at=request.received_at,
            about=(TouchRef(touch_id=touch_id),),
            data={"url": target, "by": by},
        )
        return Answer(events=(event,), status=302, headers={"location": location})


def redirect_location(target: str) -> str | None:
    """`target` as an ASCII header value; None unless it is an absolute http or https URL."""
    if not target or len(target) > _MAX_TARGET or _FORBIDDEN.search(target):
        return None
    try:
        parts = urlsplit(target)
        host = parts.hostname or ""
        ascii_host = host if host.isascii() else host.encode("idna").decode()
    except ValueError:  # also UnicodeError
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    if host != ascii_host:
        # Without user and port: internationalised hosts come from templates, in plain form.
        parts = parts._replace(netloc=ascii_host + (f":{parts.port}" if parts.port else ""))
        target = parts.geturl()
    return quote(target, safe=_URL_CHARACTERS)
