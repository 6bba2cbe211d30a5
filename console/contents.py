"""What `cadenza --help` lists: every command, the file it is in, and what it is for in a line.

It stands apart from the commands so that help, and each command, load no
more than they need: the libraries of databases and the web take a second.
A test compares it with the files.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Entry(NamedTuple):
    """A command or family. file: in `console/commands`, without its ending."""

    file: str
    what: str


PANELS: Mapping[str, Mapping[str, Entry]] = {
    "Write cadences": {
        "lint": Entry("lint", "Judge cadence files: errors and advice."),
        "draw": Entry("draw", "Draw cadences as graphs or calendars."),
        "preview": Entry("preview", "Show every touch as one prospect would get it."),
        "research-check": Entry("research_check", "Tell who lacks what for which touch."),
        "simulate": Entry("simulate", "Run a cadence in virtual time."),
        "schema": Entry("schema", "Print the JSON Schema of cadence files, for editors."),
    },
    "Put them into force": {
        "plan": Entry("plan", "Show what `cadenza apply` would change, and for whom."),
        "apply": Entry("apply", "Check cadence files and store them as new versions."),
        "migrate": Entry("migrate", "Take those under way along to another version."),
    },
    "Prospects": {
        "enroll": Entry("enroll", "Enroll the prospects of a CSV file, or see what came of it."),
        "explain": Entry("explain", "Show where somebody stands, and what that waits for."),
        "pause": Entry("steer", "Hold what is active, for some days or until resumed."),
        "resume": Entry("steer", "Let go on what is paused."),
        "move": Entry("steer", "Take enrollments to another step of their cadence."),
        "finish": Entry("steer", "End enrollments with an outcome."),
        "stop": Entry("stop", "End everything for a prospect or a company, for good."),
        "do-not-contact": Entry("do_not_contact", "Addresses and people that must not be touched."),
        "signal": Entry("signal", "Tell what happened outside: paid, returned …"),
    },
    "The work of reps": {
        "tasks": Entry("tasks", "Calls, letters, approvals: list them, get them done."),
        "outcome": Entry("outcome", "End an enrollment as it really ended."),
        "status-of": Entry("outcome", "Show or change an enrollment's status in the CRM."),
    },
    "See how it goes": {
        "status": Entry("status", "What is under way, planned, late and why."),
        "report": Entry("report", "What a cadence achieves, step by step."),
        "accounts": Entry("accounts", "Sender accounts: how they stand, rest, go on."),
        "capacity": Entry("capacity", "What sender accounts have room for in the coming days."),
        "audit": Entry("audit", "Prove from the ledger that no rule was broken."),
    },
    "Run it": {
        "demo": Entry("demo", "A month of touches against a pretend outside world."),
        "up": Entry("up", "Everything in this terminal; Ctrl-C stops it."),
        "db": Entry("db", "Create the database's schema, or bring it up to date."),
        "instance": Entry("instance", "To whom the database belongs; a copy of it sends nothing."),
    },
    "Processes": {
        "scheduler": Entry("processes", "Decides when; settles what crashed."),
        "worker": Entry("processes", "Delivers, applies events, enrolls, notifies."),
        "gateway": Entry("processes", "Hears by HTTP: opens, clicks, opt-outs, webhooks; the API."),
        "mailbox": Entry("processes", "Hears by mail: answers, bounces."),
        "exporter": Entry("processes", "Tells Prometheus how the whole deployment is."),
    },
}
"""Panel → command → where it is; all in the order in which help shows them."""
