"""A text message as the SMS provider keeps and shows it."""

from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any

from sandbox.clock import to_datetime

API_VERSION = "2010-04-01"


@dataclass(slots=True, kw_only=True)
class TextMessage:
    """One outbound message, as the provider keeps it."""

    sid: str
    account_sid: str
    to: str
    sender: str
    service_sid: str | None
    body: str
    digest: str
    callback: str | None
    created_us: int
    updated_us: int
    sent_us: int | None = None
    status: str = "queued"
    error_code: int | None = None
    segments: int = 1

    def document(self) -> dict[str, Any]:
        """Return the Message resource."""
        assigned = self.service_sid is None or self.status != "accepted"
        uri = f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{self.sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": _rfc2822(self.created_us),
            "date_sent": _rfc2822(self.sent_us) if self.sent_us is not None else None,
            "date_updated": _rfc2822(self.updated_us),
            "direction": "outbound-api",
            "error_code": self.error_code,
            "error_message": None,
            # A Messaging Service picks the sender later: until then there is none, and no count.
            "from": self.sender if assigned else None,
            "messaging_service_sid": self.service_sid,
            "num_media": "0",
            "num_segments": str(self.segments) if assigned else "0",
            "price": None,
            "price_unit": None,
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }


def _rfc2822(at_us: int) -> str:
    return format_datetime(to_datetime(at_us))
