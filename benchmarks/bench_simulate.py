"""Ten thousand enrollments of a cadence of ten steps, simulated: seconds, and what takes them.

The accounts' limits are wide, so that everybody gets everything; what is
measured is planning, placing under limits, reactions and bookkeeping.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from cadenza.accounts import Accounts
from cadenza.language.loader import load_cadence
from console.demo.redirect import pretend_accounts
from console.simulate import SimulateOptions, simulate
from console.simulate.document import as_document

PEOPLE = 10_000
DAYS = 45

_CADENCE = """
cadence: ten-steps
title: Ten steps
objective: meeting_booked
class: sales
days: business
window: {days: mon-fri, hours: "09:00-17:00"}
from: {email: outreach, sms: outreach, social: outreach}
exit: {replied: stop, bounced: stop, unsubscribed: stop, complained: stop, meeting_booked: won}
steps:
  - {step: connect, social: connect, day: 1}
  - {step: first, email: mail, day: 2}
  - {step: second, email: mail, day: 4}
  - {step: ring, task: call, day: 6, wait: 1 day}
  - {step: third, email: mail, day: 8}
  - {step: text, sms: "Hi, {{ owner.name }} here. Reply STOP to opt out", day: 10}
  - {step: fourth, email: mail, day: 12}
  - {step: ring-again, task: call, day: 14, wait: 1 day}
  - {step: last, email: mail, day: 17}
  - {step: bye, end: no_response}
"""
_MAIL = "---\nsubject: Rotas\n---\nHello, see [our page](https://larkspur.example/page).\n"
_ACCOUNTS = Path(__file__).parent.parent / "console" / "demo" / "data" / "accounts.yaml"
_WIDE = {"per_day": 100_000, "invitations_per_day": 100_000, "per_second": None}


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "templates" / "ten-steps").mkdir(parents=True)
        (folder / "templates" / "ten-steps" / "mail.liquid").write_text(_MAIL, encoding="utf-8")
        (folder / "ten-steps.yaml").write_text(_CADENCE, encoding="utf-8")
        _, cadence = load_cadence(folder / "ten-steps.yaml")
    run = SimulateOptions(
        cadence=cadence,
        accounts=_wide(pretend_accounts(_ACCOUNTS)),
        rows=people(PEOPLE),
        start=date(2026, 3, 2),
        days=DAYS,
        seed=1,
        per_day=500,
    )
    began, cpu = time.perf_counter(), time.process_time()
    simulation = simulate(run)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    began = time.perf_counter()
    as_document(simulation)
    shown = time.perf_counter() - began
    touches, tasks = len(simulation.tally.touches), len(simulation.tally.tasks)
    print(
        f"  {simulation.enrolled:,} enrollments, {touches:,} touches, {tasks:,} tasks: "
        f"{seconds:.1f} s ({cpu:.1f} s of this process), "
        f"{1e6 * seconds / (touches + tasks):.0f} µs each; the document {shown:.2f} s"
    )


def people(count: int) -> Sequence[Mapping[str, Any]]:
    """Rows of people at companies of three."""
    return [
        {
            "id": f"p{n}",
            "email": f"p{n}@customer{n // 3}.example",
            "phone": f"+3361{n:07d}",
            "linkedin": f"person-{n}",
            "first_name": f"Ada{n}",
            "company": f"Customer {n // 3}",
            "time_zone": ("Europe/Paris", "America/New_York", "Asia/Tokyo")[n % 3],
            "country": ("FR", "US", "JP")[n % 3],
        }
        for n in range(count)
    ]


def _wide(accounts: Accounts) -> Accounts:
    return Accounts(
        organisation=accounts.organisation,
        owners=accounts.owners,
        accounts=[
            account.model_copy(
                update={
                    "limits": account.limits.model_copy(update=_WIDE),
                    "health": account.health.model_copy(update={"floor": 1_000_000}),
                }
            )
            for account in accounts.accounts
        ],
    )


if __name__ == "__main__":
    main()
