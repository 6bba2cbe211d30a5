"""Experiments: their weighted variants, and steps that differ by variant."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cadenza.abc import StepType
from cadenza.language.cadence import Experiment
from cadenza.language.conditions.variant_is import VariantIs
from cadenza.language.fields import Fields
from cadenza.language.source import did_you_mean
from cadenza.language.step_context import ParseContext
from cadenza.steps.branch import Arm

MOST_EXPERIMENTS = 20
MOST_VARIANTS = 10
MOST_WEIGHT = 1000

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NAME_RULE = "write small letters, digits, `-` and `_`"
_WHEN = ("day", "after")


def take_experiments(cadence: Fields) -> Mapping[str, Experiment]:
    """Read `experiments: {pace: {daily: 1, spaced: 1}}`. What is wrong is reported."""
    fields = cadence.mapping("experiments")
    if fields is None:
        return {}
    names = fields.names(_NAME, _NAME_RULE)
    if len(names) > MOST_EXPERIMENTS:
        cadence.problem("experiments", f"a cadence has at most {MOST_EXPERIMENTS} experiments")
    found = {}
    for name in names:
        weights = _take_weights(fields, name)
        if weights:
            found[name] = Experiment(weights=weights)
    return found


def _take_weights(fields: Fields, name: str) -> Mapping[str, int] | None:
    variants = fields.mapping(name)
    if variants is None:
        return None
    names = variants.names(_NAME, _NAME_RULE)
    weights = {variant: variants.number(variant, 1, MOST_WEIGHT) for variant in names}
    if not 2 <= len(names) <= MOST_VARIANTS:
        fields.problem(
            name,
            f"an experiment has 2 to {MOST_VARIANTS} variants with their weights, "
            "such as `{short: 1, long: 1}`",
        )
    return {variant: weight for variant, weight in weights.items() if weight is not None}


@dataclass(frozen=True, kw_only=True)
class StepVariants:
    """One step in the forms of an experiment. forms: variant → all the keys of that form."""

    experiment: str
    forms: Mapping[str, Fields]

    def arms(self, step_id: str) -> Sequence[Arm]:
        """The ways of the step that chooses; the last variant is what is left."""
        return tuple(
            Arm(
                when=VariantIs(experiment=self.experiment, variants=frozenset({variant})),
                go=f"{step_id}.{variant}",
            )
            for variant in [*self.forms][:-1]
        )


def take_variants(
    step: Fields, context: ParseContext, types: Mapping[str, type[StepType]]
) -> StepVariants | None:
    """Read `variants: {pace: {daily: {after: 1 day}}}` of a step; None after a report.

    A variant that the step does not mention is the step as it is written.
    """
    said = step.mapping("variants")
    if said is None:
        return None
    names, experiments = [*said.keys()], context.vocabulary.experiments
    if len(names) != 1:
        step.problem("variants", "a step has the variants of one experiment; name just one")
        return None
    [name] = names
    if name not in experiments:
        said.reporter.problem(
            said.key_place(name),
            f"there is no experiment `{name}`{did_you_mean(name, experiments)}; "
            f"declare it: `experiments: {{{name}: {{one: 1, other: 1}}}}`",
        )
        return None
    overlays = said.mapping(name)
    if overlays is None:
        return None
    known = experiments[name]
    forms = {variant: _overlaid(step, overlays, variant, types) for variant in known}
    overlays.done(known)
    whole = {variant: form for variant, form in forms.items() if form is not None}
    return StepVariants(experiment=name, forms=whole) if len(whole) == len(known) else None


def _overlaid(
    step: Fields, overlays: Fields, variant: str, types: Mapping[str, type[StepType]]
) -> Fields | None:
    if variant not in overlays:
        return step.overlaid(None, without=("variants",))
    over = overlays.mapping(variant)
    if over is None:
        return None
    for key in ("step", "variants"):
        if key in over:
            over.reporter.problem(over.key_place(key), f"a variant has no `{key}`; remove it")
            return None
    without = {"variants"}
    if any(key in over for key in _WHEN):
        without.update(_WHEN)
    mark = next((key for key in over.keys() if key in types), None)  # noqa: SIM118
    if mark is not None and not any(mark in types[key].keys for key in step.keys() if key in types):  # noqa: SIM118
        # It does something else: the keys that only the step's own kind knows go.
        kept = {"go", *types[mark].keys}
        every = {*types, *(key for kind in types.values() for key in kind.keys)}
        without.update(every - kept)
    return step.overlaid(over, without=without)
