"""What a cadence names: its steps and where they stand, its signals, experiments, segments …"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cadenza.abc import StepType
from cadenza.language.reporter import Reporter
from cadenza.language.source import Text, did_you_mean

KnownSteps = Mapping[str, StepType | None]
"""Every step by id; None for one that was reported."""


@dataclass(frozen=True, kw_only=True)
class Nest:
    """Where a list of steps stands.

    around: the steps in whose lists it stands, outermost first. lane: the
    innermost lane; None: in none. parallel: the step that runs that lane.
    """

    around: Sequence[str] = ()
    lane: str | None = None
    parallel: str | None = None


TOP = Nest()


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The names that the head of a cadence declares.

    experiments: with their variants. segments: with the lower-cased names
    of their rows.
    """

    signals: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    statuses: Sequence[str] = ()
    segments: Mapping[str, frozenset[str]] = field(default_factory=dict)
    experiments: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that is named, once the whole file is read.

    nests: where each step stands. written_as: see `Cadence.written_as`.
    """

    steps: KnownSteps
    nests: Mapping[str, Nest] = field(default_factory=dict)
    written_as: Mapping[str, str] = field(default_factory=dict)
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    def forms_of(self, step_id: str) -> Sequence[str]:
        """The steps that a name means: itself, its variants, and what stands inside it."""
        return [
            inner
            for inner in self.steps
            if inner == step_id
            or self.written_as.get(inner) == step_id
            or step_id in self.nests.get(inner, TOP).around
        ]

    def unknown_step(self, step_id: str) -> str:
        """The message about a step that is named and does not exist."""
        return f"there is no step `{step_id}`{did_you_mean(step_id, self.steps)}"


Check = Callable[[Known], None]
"""Something to check, and report, once all is known."""


def way_check(step: Text, nest: Nest, reporter: Reporter) -> Check:
    """Reports a step that does not exist, or that cannot be gone to from where it is named.

    nest: where it is named. A list of steps is entered at its beginning
    alone, and a lane is never left but by its end.
    """

    def check(known: Known) -> None:
        name = step.value
        if name not in known.steps:
            reporter.problem(step.place, known.unknown_step(name), rule="unknown-step")
            return
        if name in known.written_as:
            chooser = known.written_as[name]
            reporter.problem(step.place, f"write `{chooser}`; it chooses the variant itself")
            return
        there = known.nests.get(name, TOP)
        entered = next((outer for outer in there.around if outer not in nest.around), None)
        if entered is not None:
            reporter.problem(step.place, f"`{name}` stands inside `{entered}`; go to `{entered}`")
        elif there.lane != nest.lane and name != nest.parallel:
            reporter.problem(
                step.place,
                f"`{name}` is outside of the lane `{nest.lane}`; a lane ends with its last step, "
                f"or with `go: {nest.parallel}`",
            )

    return check
