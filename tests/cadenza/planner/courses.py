"""Small cadences, people, and a walk through the planner without anything else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from textwrap import dedent
from typing import Any
from zoneinfo import ZoneInfo

from cadenza.language.cadence import Cadence
from cadenza.language.loader import compile_cadence
from cadenza.model import (
    Channel,
    EnrollmentState,
    EnrollmentStatus,
    Occurrence,
    Planned,
    Profile,
    ProspectId,
    Transition,
)
from cadenza.planner import advance, start

MONDAY = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)

HEADER = """\
cadence: trial
objective: meeting_booked
"""

MAIL = """\
---
subject: "A word, {{ prospect.first_name }}"
---
Hello {{ prospect.first_name }}.
"""


HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

THREE_MAILS = """
- step: first
  email: mail
  day: 1
- step: second
  email: follow
  thread: reply
  day: 3
- step: third
  email: mail
  day: 6
- step: done
  end: no_response
"""

CALL = """
- step: call
  task: call
  day: 1
  wait: 2 days
- step: fork
  branch:
    - when: disposition of call is connected
      go: thanks
    - when: disposition of call is no_answer or left_voicemail
      go: again
    - else: done
- step: thanks
  email: mail
  go: done
- step: again
  sms: "Hi {{ prospect.first_name }}"
- step: done
  end: no_response
"""

FORK = """
- step: intro
  email: mail
  day: 1
- step: fork
  branch:
    - when: clicked intro within 3 days
      go: hot
    - when: opened intro within 1 day
      go: warm
    - else: cold
- step: hot
  sms: hot
  go: done
- step: warm
  sms: warm
  go: done
- step: cold
  sms: cold
- step: done
  end: no_response
"""


def cadence(steps: str, *, header: str = "", **templates: str) -> Cadence:
    """Compile a cadence of these steps; mails are there for every template name `mail…`."""
    return compile_cadence(sources(steps, header=header, **templates))


def sources(steps: str, *, header: str = "", **templates: str) -> dict[str, str]:
    """The sources of a small cadence."""
    files = {
        "trial.yaml": HEADER + dedent(header) + "\nsteps:\n" + dedent(steps),
        "templates/mail.liquid": MAIL,
        "templates/follow.liquid": "---\n---\nA follow-up.\n",
    }
    files |= {f"templates/{name}.liquid": text for name, text in templates.items()}
    return files


def person(**changes: Any) -> Profile:
    """A prospect in Paris who can be reached on every channel."""
    known: dict[str, Any] = {
        "prospect_id": ProspectId(1),
        "key": "p-1",
        "email": "zoe@example.org",
        "phone": "+33600000001",
        "profile": "zoe",
        "time_zone": "Europe/Paris",
        "country": "FR",
        "locale": "fr",
        "owner_id": "maya",
        "fields": {"first_name": "Zoë", "company": "Gâteaux & Fils"},
    }
    return Profile(**{**known, **changes})


KIND_OF = {Channel.TASK: "opened_task", Channel.TIMER: "elapsed"}


@dataclass
class Walk:
    """One enrollment, moved by hand. acted: every plan that came true, in order."""

    cadence: Cadence
    profile: Profile = field(default_factory=person)
    begin: datetime = MONDAY

    def __post_init__(self) -> None:
        self.acted: list[Planned] = []
        self.effects: list[tuple[str, Mapping[str, Any]]] = []
        self.plans: dict[str, Planned] = {}
        self.now = self.begin
        self._take(start(self.cadence, self.profile, self.begin))

    def _take(self, transition: Transition) -> Transition:
        self.state: EnrollmentState = transition.state
        for position in transition.replaced:
            self.plans.pop(position, None)
        for plan in transition.plans:
            assert plan.position not in self.plans, "one plan for each position"
            self.plans[plan.position] = plan
        self.effects += [(effect.kind, effect.data) for effect in transition.effects]
        return transition

    @property
    def plan(self) -> Planned | None:
        """What is due next, of all positions."""
        return min(self.plans.values(), key=lambda p: (p.due_at, p.position), default=None)

    def status(self) -> EnrollmentStatus:
        return self.state.status

    def planned_channel(self) -> Channel | None:
        return self.plan.channel if self.plan else None

    @property
    def finished(self) -> bool:
        return self.state.status is EnrollmentStatus.FINISHED

    def apply(self, occurrence: Occurrence, now: datetime | None = None) -> Transition:
        self.now = max(self.now, now or occurrence.at)
        return self._take(advance(self.cadence, self.state, self.profile, occurrence, self.now))

    def act(self, step: str | None = None, *, late_by: Any = None) -> Planned:
        """What is planned next, or at `step`, comes true, when it is due or later."""
        plans = [plan for plan in self.plans.values() if plan.step == step]
        plan = plans[0] if plans else self.plan
        assert plan is not None
        assert step in {None, plan.step}, f"nothing is planned at {step}"
        at = plan.due_at if late_by is None else plan.due_at + late_by
        self.acted.append(plan)
        del self.plans[plan.position]
        kind = KIND_OF.get(plan.channel, "sent")
        self.apply(Occurrence(kind=kind, at=at, step=plan.step, data={"visit": plan.visit}))
        return plan

    def hear(
        self, event: str, step: str | None = None, *, at: datetime | None = None, **data: Any
    ) -> Transition:
        moment = at or self.now
        return self.apply(
            Occurrence(kind="event", event=event, step=step, at=moment, data=data), moment
        )

    def tell(self, kind: str, *, at: datetime | None = None, **data: Any) -> Transition:
        return self.apply(Occurrence(kind=kind, at=at or self.now, data=data))

    def to_the_end(self, most: int = 200) -> "Walk":
        """Let everything come true until nothing is planned."""
        for _ in range(most):
            if self.plan is None:
                return self
            self.act()
        raise AssertionError(f"still going after {most} plans")

    def steps(self, *channels: Channel) -> list[str]:
        """The steps that came true, in order; only of `channels` if any are named."""
        return [p.step for p in self.acted if not channels or p.channel in channels]


def local(plan: Planned | None, profile: Profile) -> datetime:
    """When a plan is due, in the prospect's zone."""
    assert plan is not None
    return plan.due_at.astimezone(ZoneInfo(profile.time_zone))
