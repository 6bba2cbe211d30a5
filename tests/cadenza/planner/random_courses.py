"""Random cadences of every kind of step, as files, and what may happen to an enrollment."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from cadenza.model import EventType
from tests.cadenza.planner.courses import cadence

HEADER = """\
days: {days}
exit: {{replied: pause, unsubscribed: {{do: stop, colleagues: pause 5 days}}, clicked: continue}}
signals: {{paid: heard, lost_it: end lost, go_on: move to s1}}
statuses: {{field: Status, none: {{crm: None}}, greeted: {{from: none, crm: G}}}}
experiments: {{pace: {{slow: 1, fast: 3}}}}
"""

GAPS = ("2 hours", "1 day", "3 days", "1 week")
CONDITIONS = (
    "clicked",
    "paid",
    "not opened within 2 days",
    "clicked within 3 days",
    "variant of pace is fast",
    "status is greeted",
    "prospect.country is FR",
)


@dataclass
class _Writer:
    """Writes lists of steps, each step with a name of its own."""

    draw: Any
    count: int = 0
    lanes: int = 0

    def steps(self, depth: int, *, in_lane: bool, most: int) -> list[str]:
        """Lines of a list of 1 to `most` steps."""
        some = st.sampled_from(self.kinds(depth, in_lane))
        kinds = ["sms", *self.draw(st.lists(some, min_size=most // 2, max_size=most))]
        names = [self.name() for _ in kinds]
        lines: list[str] = []
        for number, (kind, name) in enumerate(zip(kinds, names, strict=True)):
            ahead = names[number + 1 :]
            lines += [f"- step: {name}", *self.step(kind, ahead, depth, in_lane=in_lane)]
        return lines

    @staticmethod
    def kinds(depth: int, in_lane: bool) -> list[str]:
        flat = ["sms", "email", "webhook", "task", "wait", "await", "branch", "status"]
        if depth >= 2:
            return flat
        return [*flat, "repeat", *([] if in_lane else ["parallel"])]

    def name(self) -> str:
        self.count += 1
        return f"s{self.count}"

    def gap(self) -> str:
        gap: str = self.draw(st.sampled_from(GAPS))
        return gap

    def when(self) -> str:
        condition: str = self.draw(st.sampled_from(CONDITIONS))
        return condition

    def step(self, kind: str, ahead: list[str], depth: int, *, in_lane: bool) -> list[str]:
        """What a step of this kind does, and its keys."""
        if kind == "branch" and len(ahead) >= 2:
            lines = [f"- {{when: {self.when()}, go: {ahead[1]}}}", f"- else: {ahead[0]}"]
            return ["  branch:", *_indented(_indented(lines))]
        if kind == "repeat":
            body = _indented(self.steps(depth + 1, in_lane=in_lane, most=2))
            until = [f"  until: {self.when()}"] if self.draw(st.booleans()) else []
            return ["  repeat:", *body, f"  every: {self.gap()}", "  at_most: 2", *until]
        if kind == "parallel":
            return self.parallel(depth)
        return self.flat(kind)

    def flat(self, kind: str) -> list[str]:
        after = [f"  after: {self.gap()}"] if self.draw(st.booleans()) else []
        wait = self.draw(st.sampled_from(["1 day", "none", "done"]))
        lines = {
            "sms": ["  sms: Hi", *after],
            "email": ["  email: mail", *after],
            "webhook": ["  webhook: told", *after],
            "task": ["  task: todo", f"  wait: {wait}"],
            "await": [f"  wait: {{for: {self.when()}, at_most: {self.gap()}}}"],
            "status": ["  status: greeted"],
        }
        return lines.get(kind) or [f"  wait: {self.gap()}"]

    def parallel(self, depth: int) -> list[str]:
        lines = ["  parallel:"]
        for _ in range(self.draw(st.integers(2, 3))):
            self.lanes += 1
            body = self.steps(depth + 1, in_lane=True, most=3)
            lines += [f"    lane{self.lanes}:", *_indented(_indented(body))]
        return [*lines, f"  join: {self.draw(st.sampled_from(['all', 'any']))}"]


def _indented(lines: list[str]) -> list[str]:
    return ["  " + line for line in lines]


@st.composite
def cadences(draw: Any) -> Any:
    """A compiled cadence of 2 to some 40 steps."""
    lines = _Writer(draw).steps(0, in_lane=False, most=7)
    days = draw(st.sampled_from(["business", "calendar"]))
    text = "\n".join([*lines, "- step: done", "  end: no_response"]) + "\n"
    return cadence(text, header=HEADER.format(days=days))


lateness = st.one_of(
    st.just(timedelta()),
    st.timedeltas(timedelta(), timedelta(minutes=25)),
    st.timedeltas(timedelta(), timedelta(days=9)),
)
EVENTS = (
    *[EventType.OPENED, EventType.CLICKED, EventType.TASK_DONE, "raw:opened", "paid"] * 6,
    *[EventType.REPLIED, EventType.UNSUBSCRIBED, "colleague_replied", "lost_it", "go_on"],
)
BY_HAND: list[tuple[str, dict[str, Any]]] = [
    ("paused", {}),
    ("stopped", {"outcome": "stopped"}),
    ("finished", {"outcome": "won"}),
]
BY_HAND += [("resumed", {}), ("reopened", {"step": "s1"})] * 8
BY_HAND += [
    ("paused", {"days": 3}),
    ("status", {"status": "greeted"}),
    ("moved", {"step": "s1"}),
] * 2
Move = tuple[str, int, Any]


def _move(number: int, which: int, late_by: timedelta) -> Move:
    """Mostly what is planned comes true; now and then something is heard, or decided by hand."""
    if number < 70:
        return "act", which, late_by
    if number < 85:
        return "hear", which, EVENTS[(number * 31 + which) % len(EVENTS)]
    return "hand", which, BY_HAND[(number * 31 + which) % len(BY_HAND)]


moves = st.lists(
    st.builds(_move, st.integers(0, 99), st.integers(0, 30), lateness), min_size=15, max_size=40
)
