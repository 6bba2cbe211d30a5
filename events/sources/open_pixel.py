"""The open pixel: an image in a mail whose fetch says that the mail was opened."""

import base64
from collections.abc import Sequence
from datetime import UTC
from typing import Self

from cadenza.abc import EventSource
from cadenza.accounts import Accounts
from cadenza.errors import InvalidToken
from cadenza.links import LinkSigner
from cadenza.model import Answer, Event, EventType, RawRequest, Route, TouchRef
from cadenza.settings import Settings
from events.human import scored_by

# The smallest transparent GIF that every mail client shows: 1 × 1, 43 bytes.
TRANSPARENT_GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")


class OpenPixelSource(EventSource):
    """`GET /o/{token}.gif` → OPENED, at most once per touch, minute and sort of visitor.

    A repeated fetch within the minute (a retry, a proxy's second look) is
    the same event; a later one is a further open, and so is that of a
    person after a machine's. So nobody who holds a link can store more than
    2,880 events a day with it. A wrong token
    gets the same image and no event: the answer reveals nothing.
    """

    name = "open_pixel"
    max_body_bytes = 0

    def __init__(self, signer: LinkSigner) -> None:
        self._signer = signer

    @classmethod
    def from_settings(cls, settings: Settings, signer: LinkSigner, accounts: Accounts) -> Self:
        del settings, accounts
        return cls(signer)

    @property
    def routes(self) -> Sequence[Route]:
        return (Route(method="GET", path="/o/{token}.gif"),)

    def receive(self, request: RawRequest) -> Answer:
        return Answer(events=self._events(request), media_type="image/gif", body=TRANSPARENT_GIF)

    def _events(self, request: RawRequest) -> Sequence[Event]:
        try:
            touch_id = self._signer.read("open", request.path_params["token"])
        except InvalidToken:
            return ()
        minute = request.received_at.astimezone(UTC).strftime("%Y%m%dT%H%M")
        by = scored_by(request.headers.get("user-agent", ""), request.method)
        return (
            Event(
                source=self.name,
                # A machine's fetch must not stand for the person's a moment later.
                external_id=f"{touch_id}.{minute}{'.m' if by == 'machine' else ''}",
                type=EventType.OPENED,
                occurred_at=request.received_at,
                about=(TouchRef(touch_id=touch_id),),
                data={"by": by},
            ),
        )
