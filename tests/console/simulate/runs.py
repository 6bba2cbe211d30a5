"""Simulations for tests: a small cadence, made-up people, the demo's accounts."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from cadenza.accounts import Accounts
from cadenza.language.cadence import Cadence
from cadenza.language.loader import load_cadence
from console.demo.redirect import pretend_accounts
from console.simulate.figures import Simulation
from console.simulate.options import SimulateOptions

MONDAY = date(2026, 3, 2)
ACCOUNTS = Path("console/demo/data/accounts.yaml")

CADENCE = """
cadence: short
title: A short one
objective: meeting_booked
class: sales
days: business
window: {days: mon-fri, hours: "09:00-17:00"}
from: {email: outreach, sms: outreach, social: outreach}
exit: {replied: stop, bounced: stop, unsubscribed: stop, meeting_booked: won}
steps:
  - {step: hello, email: hello, day: 1}
  - {step: ring, task: call, day: 2, wait: 1 day}
  - {step: text, sms: "Hi, {{ owner.name }} here. Reply STOP to opt out", day: 4}
  - {step: again, email: again, day: 6}
  - {step: listen, wait: 2 days}
  - {step: bye, end: no_response}
"""
_MAIL = "---\nsubject: {subject}\n---\nHello, see [our page](https://larkspur.example/page).\n"


def cadence_file(folder: Path, text: str = CADENCE, name: str = "short") -> Path:
    """A cadence and its templates in `folder`."""
    templates = folder / "templates" / name
    templates.mkdir(parents=True, exist_ok=True)
    for mail in ("hello", "again"):
        (templates / f"{mail}.liquid").write_text(_MAIL.format(subject=mail), encoding="utf-8")
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def cadence_of(path: Path) -> Cadence:
    """The cadence of a file."""
    return load_cadence(path)[1]


def people(count: int) -> Sequence[Mapping[str, Any]]:
    """People who all look alike, at companies of three, in Paris."""
    return [
        {
            "id": f"p{n}",
            "email": f"p{n}@customer{n // 3}.example",
            "phone": f"+3361{n:07d}",
            "first_name": f"Ada{n}",
            "company": f"Customer {n // 3}",
            "time_zone": "Europe/Paris",
            "country": "FR",
        }
        for n in range(count)
    ]


def demo_accounts() -> Accounts:
    """The accounts of the demo."""
    return pretend_accounts(ACCOUNTS)


def options(folder: Path, **changes: Any) -> SimulateOptions:
    """What to simulate, where nothing else is said: 60 people for 30 days."""
    said: dict[str, Any] = {
        "cadence": cadence_of(cadence_file(folder)),
        "accounts": demo_accounts(),
        "rows": people(60),
        "start": MONDAY,
        "days": 30,
        "seed": 7,
        **changes,
    }
    return SimulateOptions(**said)


def keys(simulation: Simulation) -> set[tuple[str, str, int, str]]:
    """Touches by enrollment, step, visit and the minute at which they were due."""
    return {
        (touch.enrollment, touch.step, touch.visit, f"{touch.due_at:%Y-%m-%dT%H:%M}")
        for touch in simulation.tally.touches
    }
