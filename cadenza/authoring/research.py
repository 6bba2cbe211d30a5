"""The research table: what is not known of a prospect that a cadence's touches need. Pure.

Everything is filled as it would be sent, so conditions and fallbacks of
templates count, and the variant that this prospect gets. What is missing
is noted, a dash put in its place, and the filling begun again, until
nothing is missing any more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cadenza.abc import StepType
from cadenza.accounts import Accounts, Organisation, Owner, SenderAccount
from cadenza.enrolling.message import Row
from cadenza.errors import MissingVariable, RenderError
from cadenza.language.cadence import Cadence
from cadenza.language.variants import Audience
from cadenza.model import SENDING_CHANNELS, Channel, Profile, ProspectId
from cadenza.recipients import recipient_for
from cadenza.steps.email import EmailStep
from cadenza.steps.sms import SmsStep
from cadenza.steps.social import SocialStep
from cadenza.steps.task import TaskStep
from cadenza.steps.touch import TouchStep
from cadenza.steps.webhook import WebhookStep
from cadenza.variables import audience_for, variables_for

MOST_MISSING = 50
"""Of one touch: templates that need more are stopped at."""

_DASH = "–"
_STANDS_IN = "stands-in"
_ADDRESSES = {Channel.EMAIL: "email", Channel.SMS: "phone", Channel.SOCIAL: "linkedin"}


@dataclass(frozen=True, kw_only=True)
class Lack:
    """Something that a touch needs and this prospect does not have.

    what: a field as templates call it (`prospect.title`), an address
    (`email`, `party.vendor.phone`) or a party (`party.vendor`); empty for a
    text that cannot be filled although nothing is missing. kind: what the
    lack leads to: the touch is `held`, or it is `skipped`. told: for people.
    """

    step: str
    what: str
    kind: str
    told: str


def lacks_of(
    cadence: Cadence, profile: Profile, accounts: Accounts | None = None
) -> Sequence[Lack]:
    """What the touches of `cadence` lack for one prospect, in the order of its steps.

    accounts: None: owners, senders and the organisation are taken to have
    everything.
    """
    file = accounts or stand_in_accounts()
    if accounts is None:
        profile = replace(profile, owner_id=_STANDS_IN)
    return [
        lack
        for step in cadence.steps.values()
        if isinstance(step, TouchStep | TaskStep)
        for lack in lacks_of_step(step, cadence, profile, file)
    ]


def lacks_of_step(
    step: TouchStep | TaskStep, cadence: Cadence, profile: Profile, accounts: Accounts
) -> Sequence[Lack]:
    """What one touch lacks for one prospect."""
    unreached = _unreached(step, profile)
    if unreached is not None:
        return [unreached]
    account = _account(step, cadence, accounts, profile)
    # No touch exists yet that a link to unsubscribe could name.
    url = "https://example.org/unsubscribe"
    variables = variables_for(profile, accounts, account, url, cadence=cadence, to=step.to)
    audience = audience_for(profile, cadence=cadence, to=step.to)
    return list(_missing(step.step_id, _filling(step, audience), variables))


def stand_in_accounts(groups: Mapping[Channel, str] | None = None) -> Accounts:
    """A file in which everybody has everything, where there is none to go by.

    groups: the group of the account of each channel; `default` if left out.
    """
    return Accounts(
        organisation=Organisation(name="[organisation]", postal_address="[postal address]"),
        owners=[
            Owner(
                id=_STANDS_IN,
                name="[owner's name]",
                email="owner@example.org",
                title="[owner's title]",
                phone="[owner's phone]",
                signature="[owner's signature]",
            )
        ],
        accounts=[
            SenderAccount(
                id=f"{_STANDS_IN}-{channel}",
                channel=channel,
                provider=_STANDS_IN,
                address="sender@example.org",
                group=(groups or {}).get(channel, "default"),
                name="[sender's name]",
                signature="[sender's signature]",
            )
            for channel in SENDING_CHANNELS
        ],
    )


def profile_of_row(row: Row) -> Profile:
    """A checked row of a file as the prospect that it would become."""
    who, about = row.prospect, row.about
    subject = {name: value for name, value in about.items() if name != "parties"}
    name = who.fields.get("company")
    return Profile(
        prospect_id=ProspectId(0),
        key=who.key,
        email=who.email,
        phone=who.phone,
        profile=who.profile,
        time_zone=who.time_zone,
        country=who.country,
        locale=who.locale,
        owner_id=who.owner_id,
        fields=who.fields,
        company={**({"name": name} if name else {}), **row.company},
        subject={**subject, **({"id": row.subject} if row.subject else {})},
        parties=about.get("parties", {}),
    )


def _unreached(step: TouchStep | TaskStep, profile: Profile) -> Lack | None:
    """What prevents that anybody is reached; None: nothing."""
    if step.to is not None and step.to not in profile.parties:
        what = f"party.{step.to}"
        return _lack(step, what, "skipped", f"the subject has no party `{step.to}`")
    if isinstance(step, TaskStep) or recipient_for(step.channel, step.to, profile) is not None:
        return None
    address = _ADDRESSES[step.channel]
    what = address if step.to is None else f"party.{step.to}.{address}"
    return _lack(step, what, "skipped", f"no {what}: the touch is passed over")


def _lack(step: StepType, what: str, kind: str, told: str) -> Lack:
    return Lack(step=step.step_id, what=what, kind=kind, told=told)


def _account(
    step: StepType, cadence: Cadence, accounts: Accounts, profile: Profile
) -> SenderAccount | None:
    if not isinstance(step, TouchStep):
        return None
    chosen = accounts.choose(step.channel, cadence.groups.get(step.channel, "default"), profile)
    return chosen or next((a for a in accounts.accounts if a.channel == step.channel), None)


def _filling(step: StepType, audience: Audience) -> Callable[[Mapping[str, Any]], None]:
    """Fills everything that a step says."""

    def fill(variables: Mapping[str, Any]) -> None:
        match step:
            case EmailStep():
                step.render(variables, audience=audience)
                step.attach(variables)
            case SocialStep():
                step.render(variables)
                step.render_subject(variables)
            case SmsStep() | TaskStep() | WebhookStep():
                step.render(variables)

    return fill


def _missing(
    step_id: str, fill: Callable[[Mapping[str, Any]], None], variables: Mapping[str, Any]
) -> Iterator[Lack]:
    known: dict[str, Any] = dict(variables)
    for _ in range(MOST_MISSING):
        try:
            fill(known)
        except MissingVariable as error:
            yield Lack(step=step_id, what=error.name, kind="held", told=str(error))
            root, _, name = error.name.partition(".")
            known[root] = {**(known.get(root) or {}), name: _DASH} if name else _DASH
        except RenderError as error:
            yield Lack(step=step_id, what="", kind="held", told=str(error))
            return
        else:
            return
