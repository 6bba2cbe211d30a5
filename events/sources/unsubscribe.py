"""One-click unsubscription (RFC 8058): POST acts, GET never."""

from collections.abc import Sequence
from typing import Self

from cadenza.abc import EventSource
from cadenza.accounts import Accounts
from cadenza.errors import InvalidToken
from cadenza.links import LinkSigner
from cadenza.model import Answer, Event, EventType, RawRequest, Route, TouchId, TouchRef
from cadenza.settings import Settings
from events.pages import (
    PAGE_HEADERS,
    PAGE_MEDIA_TYPE,
    Language,
    chosen_language,
    unknown_link_page,
    unsubscribe_page,
    unsubscribed_page,
)


class UnsubscribeSource(EventSource):
    """`GET /u/{token}` shows a page with a button; `POST /u/{token}` → UNSUBSCRIBED, once a touch.

    Mail providers post `List-Unsubscribe=One-Click` as a form or as
    multipart; the page's button posts the same. The body is not looked
    at: whoever posts with a valid token means it, and to turn a clumsy
    client away would keep a person on a list that they asked to leave.
    """

    name = "unsubscribe"
    max_body_bytes = 16 * 1024

    def __init__(self, signer: LinkSigner, organisation: str) -> None:
        self._signer = signer
        self._organisation = organisation

    @classmethod
    def from_settings(cls, settings: Settings, signer: LinkSigner, accounts: Accounts) -> Self:
        del settings
        return cls(signer, accounts.organisation.name)

    @property
    def routes(self) -> Sequence[Route]:
        return (Route(method="GET", path="/u/{token}"), Route(method="POST", path="/u/{token}"))

    def receive(self, request: RawRequest) -> Answer:
        language = chosen_language(request.headers.get("accept-language", ""))
        try:
            touch_id = self._signer.read("unsubscribe", request.path_params["token"])
        except InvalidToken:
            return _page(unknown_link_page(language), status=404)
        if request.method != "POST":
            return _page(unsubscribe_page(language, self._organisation))
        return self._unsubscribe(request, touch_id, language)

    def _unsubscribe(self, request: RawRequest, touch_id: TouchId, language: Language) -> Answer:
        event = Event(
            source=self.name,
            external_id=str(touch_id),
            type=EventType.UNSUBSCRIBED,
            occurred_at=request.received_at,
            about=(TouchRef(touch_id=touch_id),),
            data={"channel": "email"},
        )
        return _page(unsubscribed_page(language, self._organisation), events=(event,))


def _page(body: bytes, *, status: int = 200, events: Sequence[Event] = ()) -> Answer:
    return Answer(
        events=events, status=status, media_type=PAGE_MEDIA_TYPE, body=body, headers=PAGE_HEADERS
    )
