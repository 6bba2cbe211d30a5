"""Prometheus: its configuration, its rules, and their unit tests."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.monitoring.promql import faults, known_series
from tests.monitoring.promtool import needs_promtool, promtool

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "monitoring" / "prometheus"
UNIT_TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))


def _yaml(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path)


def _rules() -> Iterator[Mapping[str, Any]]:
    for group in _yaml(PROMETHEUS / "rules.yml")["groups"]:
        yield from group["rules"]


RULES = list(_rules())
ALERTS = [rule for rule in RULES if "alert" in rule]


def _series() -> dict[str, set[str]]:
    recorded: dict[str, set[str]] = {rule["record"]: set() for rule in RULES if "record" in rule}
    return known_series() | recorded


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_names_only_metrics_and_labels_that_exist(rule: Mapping[str, Any]) -> None:
    assert faults(rule["expr"], _series()) == []


@pytest.mark.parametrize("alert", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_has_severity_summary_and_a_page_in_the_runbook(alert: Mapping[str, Any]) -> None:
    runbook = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert alert["alert"].startswith("Cadenza")
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"]["summary"].endswith(".")
    assert alert["annotations"]["runbook"] == f"docs/operations.md#{alert['alert'].lower()}"
    assert f"\n### {alert['alert']}\n" in runbook


def test_the_runbook_explains_no_alert_that_is_gone() -> None:
    runbook = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    explained = {
        line.removeprefix("### ") for line in runbook.splitlines() if line.startswith("### Cadenza")
    }
    assert explained == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize("alert", [alert["alert"] for alert in ALERTS])
def test_an_alert_is_tested_firing_and_quiet(alert: str) -> None:
    expectations = [
        bool(case["exp_alerts"])
        for path in UNIT_TESTS
        for test in _yaml(path)["tests"]
        for case in test.get("alert_rule_test", ())
        if case["alertname"] == alert
    ]
    assert set(expectations) == {True, False}


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_unit_tests_feed_only_series_that_exist(path: Path) -> None:
    fed = [s["series"] for test in _yaml(path)["tests"] for s in test["input_series"]]
    wrong = {series: found for series in fed if (found := faults(series, known_series()))}
    assert fed
    assert wrong == {}


def test_faults_are_found() -> None:
    series = known_series()
    assert faults("sum by (chanel) (rate(cadenza_touches_total[5m]))", series) == [
        "nothing here has the label chanel"
    ]
    assert faults('cadenza_up{channel="email"} > 0', series) == ["cadenza_up has no label channel"]
    assert faults("rate(cadenza_sent_total[5m]) or vector(0)", series) == [
        "unknown metric cadenza_sent_total"
    ]


@needs_promtool
def test_promtool_accepts_the_configuration_and_its_rules() -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yml")


@needs_promtool
def test_the_rules_pass_their_unit_tests() -> None:
    promtool("test", "rules", *UNIT_TESTS)
