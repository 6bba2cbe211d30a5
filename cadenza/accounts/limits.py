"""What may be sent: of one account, of one provider, and whatever else `limits:` says."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from cadenza.accounts.period import HOUR, Per, Period, parse_period
from cadenza.accounts.ramp import Ramp
from cadenza.accounts.values import Share, Strict, sending_channel
from cadenza.model import Channel
from cadenza.timespec import Span, zone

MOST_PER_DAY = 1_000_000
"""As good as none."""

Zone = Annotated[str, AfterValidator(zone)]
Count = Annotated[int, Field(ge=1, le=100_000_000)]
Rate = Annotated[int, Field(ge=1, le=100_000)]

# What careful senders keep to, by channel, where an account does not say otherwise;
# where these come from is in docs/sending.md.
DEFAULTS: Mapping[Channel, Mapping[str, Any]] = {
    Channel.EMAIL: {"per_day": 50, "min_gap": timedelta(minutes=10), "gap_jitter": 0.3},
    Channel.SMS: {"per_day": 1_000, "per_second": 1},
    Channel.SOCIAL: {
        "per_day": 50,
        "invitations_per_day": 15,
        "min_gap": timedelta(minutes=3),
        "gap_jitter": 0.5,
    },
    Channel.WEBHOOK: {"per_day": MOST_PER_DAY},
}


def _rolling(value: Any) -> Any:
    """`{30 days: 500}` → {Period: 500}."""
    if not isinstance(value, Mapping):
        return value
    return {
        parse_period(f"rolling {span}") if isinstance(span, str) else span: most
        for span, most in value.items()
    }


def _long_enough(value: Mapping[Period, int]) -> Mapping[Period, int]:
    if any(period.span is None or period.span < HOUR for period in value):
        raise ValueError("write spans of at least 1 hour, for instance `{30 days: 500}`")
    return value


Rolling = Annotated[Mapping[Period, Count], BeforeValidator(_rolling), AfterValidator(_long_enough)]


def _no_gap(value: Any) -> Any:
    return timedelta() if value == "none" else value


Gap = Annotated[Span, BeforeValidator(_no_gap)]


class Windows(Strict):
    """Counts in windows, each of which may be left out.

    They count touches, and texts by their segments. per_second, per_minute:
    any such span. The others: hours, days, weeks (from Monday) and months of
    `zone` (the organisation's if unset). rolling: counted back from every moment.
    """

    per_second: Rate | None = None
    per_minute: Rate | None = None
    per_hour: Count | None = None
    per_week: Count | None = None
    per_month: Count | None = None
    rolling: Rolling = Field(default_factory=dict)
    zone: Zone | None = None


class Limits(Windows):
    """What one account may send.

    per_day: touches (segments of texts) a calendar day. min_gap: between the beginnings of two
    touches; `none` for none. gap_jitter: gaps are planned up to this share longer, differently
    each time. invitations_per_day: invitations to connect, on social networks.
    """

    per_day: int = Field(default=50, ge=1, le=MOST_PER_DAY)
    min_gap: Gap = Field(default=timedelta(), ge=timedelta(), le=timedelta(days=7))
    gap_jitter: Share = Field(default=0.0, ge=0, le=3)
    invitations_per_day: Count | None = None
    ramp: Ramp | None = None


class ProviderLimits(Windows):
    """What all accounts of one provider may send together."""

    per_day: Count | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any(getattr(self, name) for name in type(self).model_fields if name != "zone"):
            raise ValueError("write at least one limit, for instance `per_second: 100`")
        return self


class LimitRow(Strict):
    """One entry of the list `limits:`.

    scope: what is counted together. match: only this one of its kind (a
    domain, a company, a channel, an account's or a provider's id); without
    it each of them is counted by itself. channel: only touches on it.
    """

    scope: Literal["deployment", "channel", "provider", "account", "domain", "company"]
    match: str | None = Field(default=None, min_length=1, max_length=255)
    channel: Annotated[Channel, BeforeValidator(sending_channel)] | None = None
    at_most: Count
    per: Per
    zone: Zone | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.scope == "deployment" and self.match is not None:
            raise ValueError("there is one deployment: remove `match`")
        if self.scope == "channel" and self.match is not None:
            sending_channel(self.match)
        return self

    @property
    def counts(self) -> tuple[object, ...]:
        """What it counts, and over what: two entries never say the same."""
        match = self.match.lower() if self.match else None
        return self.scope, match, self.channel, self.per, self.zone
