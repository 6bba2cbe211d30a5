"""`move_to: after-sale` goes on in another cadence."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import Standing, StepType
from cadenza.language.fields import Fields
from cadenza.language.step_context import StepContext
from cadenza.model import Effect, Finish, GoTo, Outcome, Verdict, WaitUntil

_CADENCE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_FIELD = re.compile(r"\w{1,63}")
_SAID = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, kw_only=True)
class MoveToStep(StepType):
    """Starts another cadence, and ends here with `outcome` unless it stays.

    cadence: its name. carry: the fields of the subject that go along;
    None: all.
    """

    name: ClassVar[str] = "move_to"
    keys: ClassVar[frozenset[str]] = frozenset({"carry", "outcome", "stay"})

    cadence: str
    carry: Sequence[str] | None = None
    outcome: Outcome = Outcome.MOVED
    stay: bool = False

    def plan(self, standing: Standing) -> Verdict:
        state = standing.state
        if state.reached_at > standing.now:
            return WaitUntil(at=state.reached_at)
        carry = None if self.carry is None else list(self.carry)
        moved = Effect(
            kind="move_to", data={"cadence": self.cadence, "carry": carry, "stay": self.stay}
        )
        if not self.stay:
            return Finish(outcome=self.outcome, effects=(moved,))
        return GoTo(
            step=None,
            reached_at=state.reached_at,
            reached_day=state.reached_day,
            effects=(moved,),
        )

    def continues(self) -> bool:
        return self.stay

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "MoveToStep | None":
        cadence = fields.name("move_to", _CADENCE, "write the name of a cadence")
        stay = _SAID[fields.choice("stay", _SAID) or "no"]
        outcome = fields.choice("outcome", [*Outcome])
        carry = fields.texts("carry") if "carry" in fields else None
        for text in carry or ():
            if not _FIELD.fullmatch(text.value):
                fields.reporter.problem(
                    text.place, f"`{text.value}` is no field; write a name such as `order_number`"
                )
        if cadence == context.cadence.cadence:
            fields.problem("move_to", "this is the same cadence; write `go: <step>` instead")
        if stay and "outcome" in fields:
            fields.problem("outcome", "with `stay` it does not end here; remove `outcome`")
        if not stay and "go" in fields:
            fields.problem("go", "`move_to` ends here; remove `go`, or write `stay: yes`")
        if cadence is None:
            return None
        return cls(
            step_id=context.step_id,
            place=context.place,
            cadence=cadence,
            carry=None if carry is None else tuple(text.value for text in carry),
            outcome=Outcome(outcome or Outcome.MOVED),
            stay=stay,
        )
