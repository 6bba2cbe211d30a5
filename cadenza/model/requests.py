"""What reaches the gateway, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cadenza.model.events import Event


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where a source listens. path: as in Starlette, e.g. `/o/{token}.gif`."""

    method: str
    path: str


@dataclass(frozen=True, kw_only=True)
class RawRequest:
    """An HTTP request as it arrived, body already bounded by `EventSource.max_body_bytes`.

    url: the public URL as its sender addressed it (signatures cover it).
    headers: lower-cased names; of repeated headers the first.
    """

    method: str
    url: str
    path_params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the gateway answers once `events` are stored."""

    events: Sequence[Event] = ()
    status: int = 200
    media_type: str = "text/plain; charset=utf-8"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
