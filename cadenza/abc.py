"""The architecture on one page: what can be added to Cadenza, and what each piece promises.

| to add …         | write one file in …          | with a subclass of |
|------------------|------------------------------|--------------------|
| a step type      | cadenza/steps/               | StepType           |
| a condition      | cadenza/language/conditions/ | Condition          |
| a channel or API | senders/                     | Sender             |
| an event source  | events/sources/              | EventSource        |
| a limit rule     | cadenza/limits/              | LimitRule          |

Each folder has a registry that finds its files (`cadenza.registry`), and
contract tests that run over everything the registry finds. The ports at
the end are what the domain asks of the outside; `console` passes the
real ones in. The values that pass between them are in `cadenza.model`.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, Self

from cadenza.model import (
    Accepted,
    Answer,
    BatchId,
    Channel,
    Effect,
    EnrollmentState,
    Event,
    EventType,
    Grant,
    Occurrence,
    Outbound,
    Profile,
    Quota,
    RawRequest,
    Route,
    Verdict,
)

if TYPE_CHECKING:
    from cadenza.accounts import Accounts, SenderAccount
    from cadenza.calendars import DayCount, WorkCalendar
    from cadenza.language.cadence import Cadence
    from cadenza.language.fields import Fields
    from cadenza.language.source import Place
    from cadenza.language.step_context import StepContext
    from cadenza.links import LinkSigner
    from cadenza.pacing.caps import Cap
    from cadenza.settings import Settings


# Steps ------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Standing:
    """All that a step type may look at when it plans or hears an event. Pure data.

    now: nothing is planned before it. calendar: the one that the prospect
    lives by; None: weekends are all that is known.
    """

    cadence: "Cadence"
    state: EnrollmentState
    profile: Profile
    now: datetime
    calendar: "WorkCalendar | None" = None

    @property
    def days(self) -> "DayCount":
        """How the cadence counts days for this prospect."""
        days = self.cadence.days
        return self.calendar.counting(days) if self.calendar else days


@dataclass(frozen=True, kw_only=True)
class StepType(ABC):
    """One kind of step of a cadence. Immutable once parsed; shared by all enrollments.

    name: the word that marks the step in YAML. keys: the other keys that
    it knows. events: what can come back about it. goes_on: whether another
    step follows it without being named. step_id: unique within its cadence.
    place: file, line and column for messages.
    """

    name: ClassVar[str]
    keys: ClassVar[frozenset[str]]
    events: ClassVar[frozenset[EventType]] = frozenset()
    goes_on: ClassVar[bool] = True
    step_id: str
    place: "Place"

    @classmethod
    @abstractmethod
    def parse(cls, fields: "Fields", context: "StepContext") -> "StepType | None":
        """Build the step from the keys of its YAML mapping.

        Tells the context's reporter about every problem and does not stop
        at the first; None when what is left makes no step.
        """

    @abstractmethod
    def plan(self, standing: Standing) -> Verdict:
        """What an enrollment that stands at this step does next.

        Pure and deterministic. What happened is read from the state's
        history, so that planning again never needs to know what came last.
        """

    def effects(self, standing: Standing, occurrence: Occurrence) -> Sequence[Effect]:
        """What else an occurrence at this step brings about. Pure."""
        del standing, occurrence
        return ()

    def targets(self) -> Sequence[str]:
        """Ids of steps that this step may jump to, beside the one that follows it."""
        return ()

    def lanes(self) -> Mapping[str, str]:
        """The lanes that it starts, each with its first step; names are unique in the cadence."""
        return {}

    def continues(self) -> bool:
        """Whether another step follows this one without being named."""
        return self.goes_on

    def ends_lane(self) -> bool:
        """Whether one of the ways that it chooses from ends the lane in which it stands."""
        return False

    def goes_on_with_any(self) -> bool:
        """Whether one lane that ended is enough to go on, of a step with lanes."""
        return False

    def takes_time(self) -> bool:
        """Whether passing this step always takes time, so that a loop through it is no rush."""
        return False


# Senders ----------------------------------------------------------------

Begin = Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class SenderFeatures:
    """What a sender can do.

    concurrency: sends that may be in flight at once on one open sender
    (connections of a pool, requests of a client); it bounds the touches
    that a crash can leave `unknown`. idempotent: the provider takes an
    idempotency key, so an ambiguous send may be repeated.
    """

    concurrency: int
    idempotent: bool = False


class Sender(ABC):
    """One way out, for all sender accounts that share a relay or API login.

    It never sleeps and never retries by itself, and reports how far a send got.
    """

    channel: ClassVar[Channel]
    provider: ClassVar[str]
    features: SenderFeatures

    @classmethod
    @abstractmethod
    def route(cls, account: "SenderAccount") -> str:
        """A key that is equal for accounts that can share one open sender.

        Raises ConfigurationError if the account lacks what this provider needs.
        """

    @classmethod
    @abstractmethod
    def for_account(cls, account: "SenderAccount") -> "Sender":
        """A closed sender for the route of `account`."""

    @abstractmethod
    async def open(self) -> None:
        """Make ready to send. Cheap and idempotent; connections may be opened on first use."""

    @abstractmethod
    async def send(self, touch: Outbound, begin: Begin) -> Accepted:
        """Send one touch; up to `features.concurrency` calls may run at once.

        Awaits `begin()` exactly once, just before the first byte that the
        provider could act on leaves (for SMTP: after 354, before the
        body; for HTTP: before the request). If `begin` raises SendWithheld,
        the send is abandoned cleanly and SendWithheld is passed on.
        Raises TransientSendError or PermanentSendError when the touch
        surely did not leave, AmbiguousSendError when the last byte may have
        left and no answer was read (also on cancellation and time-out).
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish what is in flight and give connections back. Idempotent."""


# Limits -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Draw:
    """What limits look at: a touch that is to leave from `account`.

    domain: of the recipient's mail address. company: as its prospect has
    it. action: of a social touch (`connect`, `message` …). segments: what a
    text costs; 1 for everything else.
    """

    account: "SenderAccount"
    domain: str | None = None
    company: str | None = None
    action: str | None = None
    segments: int = 1


class LimitRule(ABC):
    """Says which limits a touch draws on. One file per rule.

    reasons: what touches that it holds are said to wait for; a closed set.
    looks_at: what its caps depend on: the `domain` or the `company` that a
    touch reaches (and its channel), or else its account and action.
    """

    reasons: ClassVar[tuple[str, ...]]
    looks_at: ClassVar[Literal["account", "domain", "company"]] = "account"

    @classmethod
    @abstractmethod
    def from_accounts(cls, accounts: "Accounts") -> "LimitRule":
        """The rule as the accounts file configures it."""

    def is_idle(self) -> bool:
        """Whether nothing is configured for it, so that it need never be asked."""
        return False

    def quotas(self, draw: Draw) -> Sequence[Quota]:
        """The rates that a touch draws on: periods below one hour, kept in Redis. Pure."""
        del draw
        return ()

    def caps(self, draw: Draw) -> Sequence["Cap"]:
        """The counts that it draws on: windows of an hour and more, kept in the database. Pure."""
        del draw
        return ()


class Limiter(Protocol):
    """The shared rate limiter (port; Redis behind it)."""

    async def acquire(self, requests: Sequence[Sequence[Quota]]) -> Sequence[Grant]:
        """Ask for the permits of a whole batch in one round trip.

        requests: 1 to 500, one per touch; each names up to 16 quotas that
        must all have room. Returns one Grant per request, in order. Of
        refused touches that wait for the same quota each gets its own
        turn, one after the other. Never sleeps. Raises LimiterUnavailable.
        """
        ...

    async def begin(self, quotas: Sequence[Quota]) -> Grant:
        """Ask once more at the moment a touch begins, for quotas with `at_begin`.

        Between being granted and beginning, a touch may have waited for a
        connection: the time from one beginning to the next counts.
        Raises LimiterUnavailable.
        """
        ...


# Events -----------------------------------------------------------------


class EventSource(ABC):
    """One way in: verifies authenticity, then turns what arrived into events.

    name: becomes `Event.source`. max_body_bytes: larger bodies are refused unread.
    """

    name: ClassVar[str]
    max_body_bytes: ClassVar[int] = 64 * 1024

    @classmethod
    @abstractmethod
    def from_settings(
        cls, settings: "Settings", signer: "LinkSigner", accounts: "Accounts"
    ) -> Self | None:
        """The source as this deployment configures it; None if it does not.

        Raises ConfigurationError if what it needs is there in part only.
        """

    @property
    @abstractmethod
    def routes(self) -> Sequence[Route]:
        """Where this source listens: at least one route."""

    @abstractmethod
    def receive(self, request: RawRequest) -> Answer:
        """Verify and normalise. Pure but for what the instance was built with.

        Raises SignatureInvalid or EventRejected.
        """


class EventRecorder(Protocol):
    """Where sources put what they verified (port; PostgreSQL behind it)."""

    async def record(self, events: Sequence[Event]) -> None:
        """Store the events once; they are durable when this returns. Duplicates are no error."""
        ...


# Ports ------------------------------------------------------------------


class HintQueue(Protocol):
    """Tells workers that there is work. A hint may be lost or come twice; rows are the truth."""

    async def batches(self, batch_ids: Sequence[BatchId]) -> None:
        """These batches are released: deliver them."""
        ...

    async def events(self) -> None:
        """There are events to apply."""
        ...

    async def sweep(self) -> None:
        """Look for anything whose hint was lost."""
        ...
