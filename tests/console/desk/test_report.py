"""`cadenza report`: what a cadence achieves."""

import pytest

from cadenza.insight.reporting import wilson
from tests.console.desk.desk import Desk
from tests.console.desk.test_plan import written

INTENT = "day: 1\n    purpose: share_resource\n    lever: reciprocation\n"


async def test_a_report_counts_each_step_and_adds_up_what_touches_are_for(desk: Desk) -> None:
    await desk.ok("apply", written(desk.folder, ("day: 1\n", INTENT)))
    await desk.line.enroll(3)
    await desk.line.run(days=1.5)
    found = await desk.json("report", "mixed")
    (hello,) = [step for step in found["steps"] if step["step"] == "hello"]
    assert hello["counts"]["sent"] == 3
    assert hello["counts"]["opened"] == 0
    assert found["aspects"]["lever"]["reciprocation"]["sent"] == 3
    assert found["aspects"]["purpose"]["share_resource"]["sent"] == 3
    told = await desk.ok("report", "mixed")
    assert "By lever" in told
    assert "reciprocation" in told


async def test_every_touch_is_in_the_report_before_anything_was_sent(desk: Desk) -> None:
    found = await desk.json("report", "mixed")
    assert found["steps"], "touches that say nothing of what they are for count too"
    assert {step["counts"]["sent"] for step in found["steps"]} == {0}
    kinds = {step["kind"] for step in found["steps"]}
    assert "email" in kinds
    assert not kinds & {"wait", "branch", "end"}


async def test_each_variant_of_an_experiment_is_told_with_its_interval(desk: Desk) -> None:
    experiment = "experiments:\n  pace: {quick: 1, slow: 1}\nsteps:\n"
    folder = written(desk.folder, ("steps:\n", experiment))
    await desk.ok("apply", folder)
    await desk.line.enroll(8)
    await desk.ok("finish", "--where", "cadence=mixed", "--outcome", "won", "--yes")
    found = await desk.json("report", "mixed")
    variants = {v["variant"]: v for v in found["variants"]}
    assert sum(v["enrollments"] for v in variants.values()) == 8
    assert all(v["won"] == v["ended"] == v["enrollments"] for v in variants.values())
    assert [v["high"] for v in variants.values()] == pytest.approx([1.0, 1.0])


async def test_a_report_of_no_cadence_names_those_there_are(desk: Desk) -> None:
    assert "known: mixed" in await desk.refused("report", "mixde")


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    # As R's prop.test(…, correct = FALSE) gives them.
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)],
)
def test_the_interval_is_wilsons(hits: int, trials: int, low: float, high: float) -> None:
    assert wilson(hits, trials) == pytest.approx((low, high), abs=1e-4)
