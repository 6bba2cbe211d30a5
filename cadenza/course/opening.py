"""A task as its step describes it, on the list of whoever does it."""

from datetime import datetime

from cadenza.accounts import Accounts
from cadenza.language.cadence import Cadence
from cadenza.model import Effect
from cadenza.steps.task import TaskStep
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.tasks import NewTask
from cadenza.variables import variables_for


def new_task(
    enrollment: Enrollment, cadence: Cadence, effect: Effect, at: datetime, accounts: Accounts
) -> NewTask:
    """The task that an effect of kind `open_task` opens. Raises RenderError.

    One that is for an owner by id is on their list; one for anybody else is
    a team's, and the prospect's owner is the one who asked for it.
    """
    step = cadence.steps[effect.data["step"]]
    if not isinstance(step, TaskStep):
        raise TypeError(f"step {effect.data['step']!r} opens a task and is none")
    profile = enrollment.profile
    spec = step.render(variables_for(profile, accounts, cadence=cadence, to=step.to))
    is_owner = spec.assignee in accounts.owner_by_id
    return NewTask(
        enrollment_id=enrollment.enrollment_id,
        step=effect.data["step"],
        visit=effect.data["visit"],
        owner_id=spec.assignee if spec.assignee and is_owner else profile.owner_id,
        role=None if is_owner else spec.assignee,
        spec=spec,
        opened_at=at,
    )
