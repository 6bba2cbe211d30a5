"""Small cadences for tests about who enrolls, and about what the outside tells."""

HEAD = """
cadence: {name}
title: {name}
objective: {objective}
class: {kind}
days: business
window: {{days: mon-fri, hours: "09:00-17:00"}}
from: {{email: outreach}}
"""


def cadence(
    name: str, more: str = "", steps: str = "", *, kind: str = "service", objective: str = "goal"
) -> str:
    """A cadence file. more: further keys of it. steps: after the head of the list."""
    head = HEAD.format(name=name, kind=kind, objective=objective)
    return f"{head}{more}\nsteps:\n{steps or WAITS}"


WAITS = """
  - step: rest
    wait: 30 days
  - step: done
    end: no_response
"""
