"""`status: contacted` sets the status that the CRM shows."""

from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import Standing, StepType
from cadenza.language.fields import Fields
from cadenza.language.source import did_you_mean, listed
from cadenza.language.step_context import StepContext
from cadenza.model import Effect, GoTo, Verdict, WaitUntil


@dataclass(frozen=True, kw_only=True)
class StatusStep(StepType):
    """Sets the status if it may follow the present one; else that stays."""

    name: ClassVar[str] = "status"
    keys: ClassVar[frozenset[str]] = frozenset()

    status: str

    def plan(self, standing: Standing) -> Verdict:
        state, statuses = standing.state, standing.cadence.statuses
        if state.reached_at > standing.now:
            return WaitUntil(at=state.reached_at)
        effects: tuple[Effect, ...] = ()
        if statuses and statuses.may_become(state.crm_status, self.status):
            effects = (Effect(kind="status", data={"status": self.status}),)
        return GoTo(
            step=None,
            reached_at=state.reached_at,
            reached_day=state.reached_day,
            effects=effects,
        )

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "StatusStep | None":
        status, known = fields.text("status"), context.cadence.vocabulary.statuses
        if status is None:
            return None
        if status.value not in known:
            if known:
                mend = f"{did_you_mean(status.value, known)}; write {listed(known)}"
            else:
                mend = f"; declare it: `statuses: {{field: …, {status.value}: …}}`"
            fields.problem("status", f"there is no status `{status.value}`{mend}")
            return None
        return cls(step_id=context.step_id, place=context.place, status=status.value)
