"""When an account is paused by itself: too many of its touches bounce, or are complained about."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic import Field

from cadenza.accounts.values import Share, Strict
from cadenza.timespec import Span

_FEWEST_BOUNCES = 5
_FEWEST_COMPLAINTS = 2


@dataclass(frozen=True, kw_only=True)
class Record:
    """What came of the touches that an account sent in its window."""

    sent: int
    bounced: int
    complained: int


class Health(Strict):
    """Rates above which an account is paused; nothing is judged below `floor` touches.

    The defaults are the rates at which providers act: Amazon SES reviews an
    account at 5 % bounces, Gmail and Yahoo refuse senders at 0.3 % complaints.
    """

    bounce_rate: Share = Field(default=0.05, gt=0, le=1)
    complaint_rate: Share = Field(default=0.003, gt=0, le=1)
    floor: int = Field(default=50, ge=1)
    window: Span = Field(default=timedelta(days=7), ge=timedelta(hours=1), le=timedelta(days=90))

    def objection(self, record: Record) -> str | None:
        """`bounce_rate` or `complaint_rate` if the record is above it. Pure.

        One complaint among 50 touches is 2 %: so that one person cannot stop
        an account, two are needed whatever the rate. And five bounces: three
        among 50 are 6 %, and come up by chance every tenth time at 2 %.
        """
        if record.sent < self.floor:
            return None
        if record.complained >= _FEWEST_COMPLAINTS and (
            record.complained > record.sent * self.complaint_rate
        ):
            return "complaint_rate"
        if record.bounced >= _FEWEST_BOUNCES and record.bounced > record.sent * self.bounce_rate:
            return "bounce_rate"
        return None
