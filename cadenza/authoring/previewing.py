"""Every touch of a cadence as one named prospect would get it. Pure.

All variants of an experiment are shown, each marked; of templates in
several languages and regions the one that this prospect gets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cadenza.accounts import Accounts, SenderAccount
from cadenza.errors import RenderError
from cadenza.language.cadence import Cadence
from cadenza.language.timing import Timing
from cadenza.model import Channel, Outbound, Profile, TaskSpec
from cadenza.recipients import Recipient, recipient_for
from cadenza.steps.email import EmailStep
from cadenza.steps.task import TaskStep
from cadenza.steps.touch import TouchStep
from cadenza.variables import audience_for, variables_for


@dataclass(frozen=True, kw_only=True)
class Order:
    """A touch that is to be rendered. thread: the steps of the mails before it, oldest first."""

    number: int
    step: TouchStep
    account: SenderAccount
    recipient: Recipient
    thread: Sequence[str]


Render = Callable[[Order], Outbound]
"""Makes the message of a touch. Raises RenderError."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """One touch as it would be.

    number: counts from 1. kind: `email`, `sms`, `social`, `webhook`, or that
    of a task. timing: as the file says it. written_as: the step of whose
    experiment this is one variant. variant: of a mail's template, by
    language and region; empty: the plain one. to: whom it reaches. made:
    the message or task; None with the reason in `reason`.
    """

    number: int
    step: str
    kind: str
    timing: str
    written_as: str | None
    variant: str
    to: str
    made: Outbound | TaskSpec | None
    reason: str = ""


def previews(
    cadence: Cadence, profile: Profile, accounts: Accounts, render: Render
) -> Sequence[Preview]:
    """All touches and tasks, in the order of the file."""
    known = _Known(cadence=cadence, profile=profile, accounts=accounts)
    shown: list[Preview] = []
    thread: list[str] = []
    for step_id, step in cadence.steps.items():
        if isinstance(step, TaskStep):
            shown.append(_task(len(shown) + 1, step, known))
        elif isinstance(step, TouchStep):
            shown.append(_touch(len(shown) + 1, step, known, tuple(thread), render))
            if step.channel is Channel.EMAIL:
                thread.append(step_id)
    return shown


@dataclass(frozen=True, kw_only=True)
class _Known:
    cadence: Cadence
    profile: Profile
    accounts: Accounts


def _touch(
    number: int, step: TouchStep, known: _Known, thread: Sequence[str], render: Render
) -> Preview:
    cadence, profile, accounts = known.cadence, known.profile, known.accounts
    recipient = recipient_for(step.channel, step.to, profile)
    group = cadence.groups.get(step.channel, "default")
    account = accounts.choose(step.channel, group, profile)
    made, reason = None, ""
    if recipient is None:
        whom = f"the party `{step.to}`" if step.to else "the prospect"
        reason = f"passed over: {whom} has no address for {step.channel}"
    elif account is None:
        reason = f"held: the accounts file has no {step.channel} account in group `{group}`"
    else:
        order = Order(number=number, step=step, account=account, recipient=recipient, thread=thread)
        try:
            made = render(order)
        except RenderError as error:
            reason = f"held: {error}"
    return Preview(
        number=number,
        step=step.step_id,
        kind=step.channel,
        timing=said(step.timing),
        written_as=cadence.written_as.get(step.step_id),
        variant=_variant(step, profile, cadence),
        to=_whom(recipient),
        made=made,
        reason=reason,
    )


def _task(number: int, step: TaskStep, known: _Known) -> Preview:
    cadence, profile, accounts = known.cadence, known.profile, known.accounts
    variables = variables_for(profile, accounts, cadence=cadence, to=step.to)
    made, reason = None, ""
    if step.to is not None and step.to not in profile.parties:
        reason = f"passed over: the subject has no party `{step.to}`"
    else:
        try:
            made = step.render(variables)
        except RenderError as error:
            reason = f"held: {error}"
    owner = accounts.owner_by_id.get(profile.owner_id)
    return Preview(
        number=number,
        step=step.step_id,
        kind=step.kind,
        timing=said(step.timing),
        written_as=cadence.written_as.get(step.step_id),
        variant="",
        to=step.assignee or (owner.name if owner else profile.owner_id),
        made=made,
        reason=reason,
    )


def said(timing: Timing) -> str:
    """When a step is due: `day 3`, `after 2 days`, `after 3 hours`, or nothing."""
    if timing.day is not None:
        return f"day {timing.day}"
    after = timing.after
    if after is None:
        return ""
    if after.days:
        return f"after {after.days} {'day' if after.days == 1 else 'days'}"
    minutes = int(after.clock.total_seconds()) // 60
    hours, rest = divmod(minutes, 60)
    return f"after {hours} h" if hours and not rest else f"after {minutes} min"


def _variant(step: TouchStep, profile: Profile, cadence: Cadence) -> str:
    if not isinstance(step, EmailStep):
        return ""
    return str(step.template.choose(audience_for(profile, cadence=cadence, to=step.to))[0])


def _whom(recipient: Recipient | None) -> str:
    if recipient is None:
        return ""
    party = f" ({recipient.party})" if recipient.party else ""
    named = f"{recipient.name} <{recipient.address}>" if recipient.name else recipient.address
    return named + party
