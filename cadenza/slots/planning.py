"""Planning under limits: decisions of the planner get their account and a time at which it is free.

Accounts with a gap have numbered times (`pacing.grid`): whoever gives them
away holds the account, so that none is given twice. Of the others it is
enough to know how full their windows are, by a count that may be a few
seconds old: delivery lets nothing over a cap through, and sends what was
too much on to a window with room.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cadenza import planner
from cadenza.abc import Draw
from cadenza.accounts import Accounts, SenderAccount
from cadenza.accounts.states import ACCOUNT_PAUSED, AccountStates
from cadenza.calendars import NoOpening, Slot, both_open, draw, place
from cadenza.clock import Clock
from cadenza.language.cadence import Cadence
from cadenza.limits import LimitRules
from cadenza.model import SENDING_CHANNELS, Channel, EnrollmentId, Planned, Profile, TouchId
from cadenza.pacing.assign import Given, Openings, Wish, assign
from cadenza.pacing.book import SlotBook
from cadenza.pacing.draws import draw_of
from cadenza.recipients import address_for, party_of
from cadenza.slots.books import Books
from cadenza.storage import sticky_accounts
from cadenza.storage.database import Connection
from cadenza.storage.due import DueTouch, NewPlan
from cadenza.storage.sticky_accounts import Sticky

_DEFAULT_GROUP = "default"


@dataclass(frozen=True, kw_only=True)
class Intent:
    """A decision of the planner about somebody. company: normalised name.

    is_first: nothing was sent in this enrollment yet.
    """

    enrollment_id: EnrollmentId
    shard: int
    cadence: Cadence
    profile: Profile
    planned: Planned
    company: str | None
    is_first: bool = False


Anew = tuple[Draw, Openings]
"""What has to be known of a touch that is put off, to give it another time."""


class Pacer:
    """Gives accounts and times inside the caller's transaction."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self.rules = LimitRules(accounts)
        self.states = AccountStates(clock)
        self.books = Books(accounts, self.rules, clock)

    async def plans(self, tx: Connection, intents: Sequence[Intent]) -> Sequence[NewPlan]:
        """Each decision with its account, and a time that limits allow.

        Accounts with a gap are locked, after enrollments and in one order.
        """
        sending = [i for i in intents if i.planned.channel in SENDING_CHANNELS]
        sticky: Mapping[Sticky, str] = {}
        if sending:
            await self.states.refresh(tx)
            people = sorted({i.profile.prospect_id for i in sending})
            sticky = await sticky_accounts.known(tx, people)
        chosen = [self._with_account(intent, sticky) for intent in intents]
        wishes = {
            n: self._wish(intent, planned, account)
            for n, (intent, (planned, account)) in enumerate(zip(intents, chosen, strict=True))
            if account is not None
            and planned.window_end is not None
            and not self.books.is_free(account.id)
        }
        given = await self._assigned(tx, wishes)
        return [
            self._new(intent, planned, account, wishes.get(n), given.get(n))
            for n, (intent, (planned, account)) in enumerate(zip(intents, chosen, strict=True))
        ]

    def _new(
        self,
        intent: Intent,
        planned: Planned,
        account: SenderAccount | None,
        wish: Wish | None,
        slot: Given | None,
    ) -> NewPlan:
        if slot is not None and slot.due_at != planned.due_at:
            planned = replace(planned, due_at=slot.due_at, window_end=slot.window_end)
        return NewPlan(
            enrollment_id=intent.enrollment_id,
            shard=intent.shard,
            account=account.id if account else None,
            planned=planned,
            reason=slot.reason if slot else None,
            is_first=account is not None and intent.is_first,
            draws=self.books.extra_keys(wish.draw) if wish else (),
        )

    async def again(
        self, tx: Connection, touches: Sequence[DueTouch], known: Mapping[TouchId, Anew]
    ) -> Sequence[DueTouch]:
        """Touches that are put off, each at a free time of its account from its new one on.

        known: those of accounts with a gap; what is missing there stays as it is.
        """
        wishes: dict[int, Wish] = {}
        for n, touch in enumerate(touches):
            found = known.get(touch.touch_id)
            if found is None or touch.window_end is None or touch.reason == ACCOUNT_PAUSED:
                continue
            drawn_on, openings = found
            wishes[n] = Wish(
                draw=drawn_on,
                due_at=touch.due_at,
                window_end=touch.window_end,
                not_before=touch.due_at,
                openings=openings,
                drawn=draw("again", touch.touch_id, touch.attempts),
            )
        given = await self._assigned(tx, wishes)
        return [
            replace(t, due_at=given[n].due_at, window_end=given[n].window_end) if n in given else t
            for n, t in enumerate(touches)
        ]

    async def sooner(
        self,
        tx: Connection,
        waiting: Sequence[tuple[DueTouch, Intent]],
        by: timedelta | None,
    ) -> Sequence[tuple[datetime, DueTouch]]:
        """Those that can leave sooner than planned by at least `by`: (time that it had, touch).

        by: None gives all of them a time, sooner or later. The intents say
        when they could leave from now on, limits aside.
        """
        wishes = {
            n: self._wish(intent, intent.planned, account)
            for n, (touch, intent) in enumerate(waiting)
            if (account := self._accounts.account_by_id.get(touch.account or "")) is not None
            and (by is None or intent.planned.due_at + by < touch.due_at)
        }
        moved: list[tuple[datetime, DueTouch]] = []
        for book, numbers in await self._opened(tx, wishes, fresh=True):
            for n in numbers:
                touch, wish = waiting[n][0], wishes[n]
                slot = time_for(book, wish)
                is_sooner = by is None or slot.due_at + by < touch.due_at
                # Of its two times one is free for the next.
                left = touch.due_at if is_sooner else slot.due_at
                book.release(wish.draw, left, is_first=wish.is_first)
                if is_sooner:
                    anew = replace(
                        touch,
                        due_at=slot.due_at,
                        planned_at=slot.due_at,
                        window_end=slot.window_end,
                        reason=slot.reason,
                    )
                    moved.append((touch.due_at, anew))
        return moved

    async def _assigned(self, tx: Connection, wishes: Mapping[int, Wish]) -> Mapping[int, Given]:
        """Times for those that need one, in the order in which they are wanted."""
        return {
            n: time_for(book, wishes[n])
            for book, numbers in await self._opened(tx, wishes)
            for n in numbers
        }

    async def _opened(
        self, tx: Connection, wishes: Mapping[int, Wish], *, fresh: bool = False
    ) -> Sequence[tuple[SlotBook, Sequence[int]]]:
        """The books in which times are to be found, with the numbers of the wishes, in order.

        What no limit binds is in none. fresh: nothing is remembered from before.
        """
        ordered = sorted(wishes, key=lambda n: (wishes[n].due_at, n))
        paced = [n for n in ordered if self.books.has_gap(wishes[n].draw.account.id)]
        free = [
            n
            for n in ordered
            if not self.books.has_gap(wishes[n].draw.account.id)
            and self.books.is_capped(wishes[n].draw)
        ]
        found: list[tuple[SlotBook, Sequence[int]]] = []
        if paced:
            found.append((await self.books.paced(tx, [wishes[n] for n in paced]), paced))
        if free:
            some = [wishes[n] for n in free]
            found.append((await self.books.counted(tx, some, fresh=fresh), free))
        return found

    def _with_account(
        self, intent: Intent, sticky: Mapping[Sticky, str]
    ) -> tuple[Planned, SenderAccount | None]:
        """The plan within the window of its account, and that."""
        planned, account = intent.planned, None
        if planned.channel in SENDING_CHANNELS:
            account = self.choose(intent.cadence, planned.channel, intent.profile, sticky)
        if account is not None and account.window is not None:
            # One that never fits is planned all the same: delivery says so to a person.
            with suppress(NoOpening):
                calendar = self._accounts.places.of(intent.profile)
                planned = planner.fit(
                    planned, intent.cadence, intent.profile, account.window, calendar
                )
        return planned, account

    def choose(
        self,
        cadence: Cadence,
        channel: Channel,
        profile: Profile,
        sticky: Mapping[Sticky, str],
    ) -> SenderAccount | None:
        """The account from which this person's touches of the cadence leave on `channel`."""
        group = cadence.groups.get(channel, _DEFAULT_GROUP)
        return self._accounts.choose(
            channel,
            group,
            profile,
            sticky=sticky.get((profile.prospect_id, channel, group)),
            paused=self.states.paused,
            retired=self.states.retired,
        )

    def _wish(self, intent: Intent, planned: Planned, account: SenderAccount) -> Wish:
        return wish_of(self._accounts, intent, planned, account)

    def openings(
        self, cadence: Cadence, profile: Profile, channel: Channel, account: SenderAccount
    ) -> Openings:
        """When a touch of this person may leave, from a moment on."""
        return openings_of(self._accounts, cadence, profile, channel, account)


def wish_of(accounts: Accounts, intent: Intent, planned: Planned, account: SenderAccount) -> Wish:
    """What is wanted for `planned`, the intent's plan within the window of `account`. Pure."""
    cadence, profile = intent.cadence, intent.profile
    address = address_for(planned.channel, party_of(cadence, planned.step), profile)
    openings = openings_of(accounts, cadence, profile, planned.channel, account)
    return Wish(
        draw=draw_of(
            account,
            cadence.steps.get(planned.step),
            address=address,
            company=intent.company,
        ),
        due_at=planned.due_at,
        window_end=planned.window_end or planned.due_at,
        not_before=planned.not_before or planned.due_at,
        openings=openings,
        drawn=draw("slot", profile.key, cadence.name, planned.step, planned.visit),
        is_first=intent.is_first,
    )


def openings_of(
    accounts: Accounts,
    cadence: Cadence,
    profile: Profile,
    channel: Channel,
    account: SenderAccount,
) -> Openings:
    """When a touch of this person may leave on `channel`, from a moment on. Pure."""

    def openings(not_before: datetime) -> Slot:
        return place(
            both_open(cadence.windows[channel], account.window),
            profile.time_zone,
            not_before,
            drawn=0,
            calendar=accounts.places.of(profile),
            channel=channel,
            service=cadence.service,
        )

    return openings


def time_for(book: SlotBook, wish: Wish) -> Given:
    """The time of a touch in the book, or the one that it was placed at if there is none. Pure."""
    try:
        return assign(book, wish)
    except NoOpening:  # as placed: delivery says so to a person, when its time has come
        return Given(due_at=wish.due_at, window_end=wish.window_end)
