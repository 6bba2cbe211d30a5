"""The way of a due touch through delivery, without sending it: `workers.deliver` in memory."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from cadenza import planner
from cadenza.accounts import SenderAccount
from cadenza.accounts.choice import NO_ACCOUNT
from cadenza.accounts.states import ACCOUNT_PAUSED
from cadenza.errors import RenderError
from cadenza.model import Channel, EventType, Occurrence
from cadenza.recipients import Recipient, recipient_for
from cadenza.steps.email import EmailStep
from cadenza.steps.touch import TouchStep
from cadenza.suppression.suppressing import recipient_keys
from cadenza.variables import audience_for, variables_for
from console.simulate.course import Course
from console.simulate.figures import Tally, Touch
from console.simulate.health import Health
from console.simulate.journey import Entry, Journey
from console.simulate.options import SimulateOptions
from console.simulate.outside import Answer, Mail, Outside, Sent
from console.simulate.pacing import Pacing
from console.simulate.suppressed import Suppressed
from sandbox.behaviour import Deed
from workers.deferral import MOST_ATTEMPTS, backoff

_ANY_LINK: Final = 'href="http'


class Delivery:
    """Delivers touches. react: told what will be done about each, outside."""

    def __init__(
        self,
        *,
        options: SimulateOptions,
        outside: Outside,
        pacing: Pacing,
        course: Course,
        suppressed: Suppressed,
        health: Health,
        tally: Tally,
        react: Callable[[Sent, list[Deed]], None],
    ) -> None:
        self._cadence = options.cadence
        self._accounts = options.accounts
        self._outside = outside
        self._pacing = pacing
        self._course = course
        self._tally = tally
        self._react = react
        self._mails: dict[tuple[str, str], Mail] = {}
        self._suppressed = suppressed
        self._health = health

    def deliver(self, entry: Entry, now: datetime) -> None:
        """Send, put off or skip one touch that is due."""
        journey, planned = entry.journey, entry.planned
        step = self._cadence.steps[planned.step]
        if not isinstance(step, TouchStep):
            raise TypeError(f"step {planned.step!r} sends nothing")
        recipient = recipient_for(planned.channel, step.to, journey.profile)
        if recipient is None or self._suppressed.forbids(
            recipient_keys(
                planned.channel, recipient, journey.profile, service=self._cadence.service
            )
        ):
            self._tally.skipped[planned.step] += 1
            return self._settle(entry, "skipped", now)
        account = self._account(entry)
        if account is None:
            # Nobody changes the file in a simulation: the touch waits for ever.
            self._tally.deferred["", NO_ACCOUNT] += 1
            return None
        if entry.window_end is not None and now >= entry.window_end:
            return self._put_off(entry, now, "window")
        if account.id in self._health.resting:
            # Nobody resumes it in a simulation: the touch waits for ever.
            self._tally.deferred[account.id, ACCOUNT_PAUSED] += 1
            return None
        return self._send(entry, step, account, recipient, now)

    def _account(self, entry: Entry) -> SenderAccount | None:
        account = self._accounts.account_by_id.get(entry.account or "")
        if account is not None:
            return account
        channel = entry.planned.channel
        group = self._cadence.groups.get(channel, "default")
        return self._accounts.choose(channel, group, entry.journey.profile)

    def _send(
        self,
        entry: Entry,
        step: TouchStep,
        account: SenderAccount,
        recipient: Recipient,
        now: datetime,
    ) -> None:
        journey, planned = entry.journey, entry.planned
        sent = Sent(
            journey,
            planned.step,
            planned.visit,
            planned.channel,
            recipient.address,
            account.address,
            account.id,
            now,
        )
        answer, deeds = self._ask(sent, step, account)
        if answer.status == "later":
            entry.attempts += 1
            if entry.attempts < MOST_ATTEMPTS:
                until = now + (answer.retry_after or backoff(entry.attempts - 1))
                return self._put_off(entry, until, "provider_deferred")
            answer = Answer("failed", answer.code)
        self._tally.touches.append(
            Touch(
                journey.name,
                planned.step,
                planned.visit,
                planned.channel.value,
                account.id,
                entry.wished_at,
                entry.due_at,
                now,
                answer.status,
            )
        )
        self._pacing.left(entry, account)
        if answer.status == "sent":
            self._health.left(account.id, now)
        self._outside.note(sent, answer.status, getattr(step, "action", ""))
        self._settle(entry, answer.status, now)
        if answer.bounced:
            occurrence = Occurrence(
                kind="event", event=EventType.BOUNCED, at=now, step=planned.step,
                data={"visit": planned.visit},
            )  # fmt: skip
            self._health.bounced(account.id, sent.touch, now, now, refused=True)
            self._suppressed.forbid(sent, EventType.BOUNCED, occurrence, now)
        self._react(sent, deeds)
        return None

    def _ask(
        self, sent: Sent, step: TouchStep, account: SenderAccount
    ) -> tuple[Answer, list[Deed]]:
        match step.channel:
            case Channel.EMAIL:
                touch = f"{sent.journey.number}:{sent.step}:{sent.visit}"
                mail = self._mail(sent.journey, step, account)
                return self._outside.take_mail(sent, touch, mail)
            case Channel.SMS:
                return self._outside.take_text(sent)
            case Channel.SOCIAL:
                return self._outside.take_social(sent, getattr(step, "action", ""))
            case _:
                return Answer("sent"), []

    def _mail(self, journey: Journey, step: TouchStep, account: SenderAccount) -> Mail:
        """What matters of the mail: looked at once for each variant of its template."""
        if not isinstance(step, EmailStep):
            raise TypeError(f"step {step.step_id!r} is no mail")
        audience = audience_for(journey.profile, cadence=self._cadence, to=step.to)
        variant, template = step.template.choose(audience)
        name = (step.step_id, str(variant))
        known = self._mails.get(name)
        if known is None:
            link = "https://unsubscribe.invalid/"
            variables = variables_for(
                journey.profile, self._accounts, account, link, cadence=self._cadence, to=step.to
            )
            try:
                html = template.html.render(variables)
            except RenderError:  # somebody of whom too little is known; the next one tells
                return Mail(has_links=True, has_pixel=True, can_unsubscribe=True)
            has_links = _ANY_LINK in html.replace(f'href="{link}"', "")
            known = Mail(
                has_links=has_links, has_pixel=True, can_unsubscribe=not self._cadence.service
            )
            self._mails[name] = known
        return known

    def _settle(self, entry: Entry, kind: str, now: datetime) -> None:
        self._drop(entry)
        planned = entry.planned
        occurrence = Occurrence(kind=kind, at=now, step=planned.step, data={"visit": planned.visit})
        self._course.advance(entry.journey, occurrence, now)

    def _drop(self, entry: Entry) -> None:
        entry.dead = True
        self._pacing.dropped(entry)
        entries, position = entry.journey.entries, entry.planned.position
        if entries.get(position) is entry:
            del entries[position]

    def _put_off(self, entry: Entry, until: datetime, rule: str) -> None:
        """Later: at `until` itself if its window is still open then, else placed anew."""
        journey, planned = entry.journey, entry.planned
        entry.rule = rule
        self._tally.deferred[entry.account or "", rule] += 1
        due_at, window_end = until, entry.window_end
        if window_end is not None and until >= window_end:
            again = planner.place_again(
                self._cadence,
                journey.state,
                journey.profile,
                until,
                step=planned.step,
                calendar=journey.calendar,
            )
            due_at, window_end = again.due_at, again.window_end
        self._course.again(entry, due_at, window_end)
