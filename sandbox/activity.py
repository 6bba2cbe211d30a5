"""What is under way in the servers, and the faults that a test has ordered."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Activity:
    """What some servers have under way: mail transactions, HTTP requests, connections."""

    __slots__ = ("connections", "in_progress")

    def __init__(self) -> None:
        self.in_progress = 0
        """Mail transactions and HTTP requests that have begun and not ended."""
        self.connections: set[asyncio.Transport] = set()


class SmtpFaults(BaseModel):
    """Faults of the mail server; each count is used up by one mail."""

    model_config = ConfigDict(extra="forbid")

    accept_then_drop: int = Field(default=0, ge=0)
    """Take the mail, then close the connection instead of answering the final dot."""
    reply_4xx_at_data: int = Field(default=0, ge=0)
    """Answer 451 to the final dot."""
    close_before_354: int = Field(default=0, ge=0)
    """Close the connection on DATA."""
    delay_ms: int = Field(default=0, ge=0)
    """Answer each final dot so much later, until set to 0 again."""


HttpFault = Literal["status_500", "hang", "drop_after_request"]


class HttpFaults(BaseModel):
    """Faults of the SMS and social providers; each count is used up by one request."""

    model_config = ConfigDict(extra="forbid")

    status_500: int = Field(default=0, ge=0)
    """Answer 500 and do nothing."""
    hang: int = Field(default=0, ge=0)
    """Never answer, and do nothing."""
    drop_after_request: int = Field(default=0, ge=0)
    """Do what was asked, then close the connection instead of answering."""

    def take(self) -> HttpFault | None:
        """Return the fault that the next request suffers, using it up."""
        if self.status_500:
            self.status_500 -= 1
            return "status_500"
        if self.hang:
            self.hang -= 1
            return "hang"
        if self.drop_after_request:
            self.drop_after_request -= 1
            return "drop_after_request"
        return None


class FaultOrder(BaseModel):
    """The document of `POST /faults`; what it leaves out is set to none."""

    model_config = ConfigDict(extra="forbid")

    smtp: SmtpFaults = Field(default_factory=SmtpFaults)
    http: HttpFaults = Field(default_factory=HttpFaults)


@dataclass(slots=True, kw_only=True)
class Faults:
    """The faults now in force, shared by all servers."""

    smtp: SmtpFaults
    http: HttpFaults

    def order(self, order: FaultOrder) -> None:
        """Replace the faults in force."""
        self.smtp = order.smtp
        self.http = order.http
