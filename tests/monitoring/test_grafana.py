"""The dashboards, and what Grafana is provisioned with."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from monitoring.grafana import build
from monitoring.grafana.panels import DATA_SOURCE_UID
from tests.monitoring.promql import faults, known_series
from tests.monitoring.promtool import needs_promtool, promtool

PROVISIONING = Path(build.__file__).parent / "provisioning"
_VARIABLES = {"$__rate_interval": "1m", "$__range": "6h", "$cadence": ".*"}

PIPELINE = json.loads((build.DASHBOARDS / "pipeline.json").read_text(encoding="utf-8"))


def _expressions() -> Iterator[tuple[str, str]]:
    for panel in PIPELINE["panels"]:
        for target in panel.get("targets", ()):
            yield f"{panel['title']} {target['refId']}", target["expr"]


EXPRESSIONS = dict(_expressions())


def _plain(expression: str) -> str:
    for variable, value in _VARIABLES.items():
        expression = expression.replace(variable, value)
    return expression


def _provisioned(kind: str) -> Any:
    (path,) = (PROVISIONING / kind).glob("*.yml")
    return YAML(typ="safe", pure=True).load(path)


@pytest.mark.parametrize(("path", "text"), build.render().items(), ids=lambda item: "")
def test_the_committed_dashboard_is_what_the_code_builds(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, (
        "build it anew: python -m monitoring.grafana.build"
    )


@pytest.mark.parametrize("query", EXPRESSIONS)
def test_a_query_names_only_metrics_and_labels_that_exist(query: str) -> None:
    assert faults(_plain(EXPRESSIONS[query]), known_series()) == []


def test_panels_fill_the_grid_without_overlap() -> None:
    cells = [
        (x, y)
        for p in (panel["gridPos"] for panel in PIPELINE["panels"])
        for x in range(p["x"], p["x"] + p["w"])
        for y in range(p["y"], p["y"] + p["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


def test_the_first_screen_answers_what_an_operator_asks() -> None:
    (processes,) = (p for p in PIPELINE["panels"] if p["type"] == "row")
    first = [
        p["title"] for p in PIPELINE["panels"] if p["gridPos"]["y"] < processes["gridPos"]["y"]
    ]
    assert processes["gridPos"]["y"] <= 25  # what fits 1080 pixels
    for asked in (
        "Touches sent, by channel",
        "Due lag, by channel",
        "Bucket depth",
        "Deferrals, by reason",
        "Funnel",
        "Events, by type",
        "Unknown touches",
        "Inbox",
        "Accounts: used of today's cap",
    ):
        assert asked in first


def test_panels_have_ids_of_their_own_titles_and_descriptions() -> None:
    ids = [panel["id"] for panel in PIPELINE["panels"]]
    assert len(ids) == len(set(ids))
    for panel in PIPELINE["panels"]:
        assert panel["title"]
        assert panel["type"] == "row" or panel["description"].endswith(".")


def test_the_data_source_of_the_panels_is_the_provisioned_one() -> None:
    (source,) = _provisioned("datasources")["datasources"]
    used = set(re.findall(r'"uid": "(\w+)"', json.dumps(PIPELINE["panels"])))
    assert used == {source["uid"]} == {DATA_SOURCE_UID}


@needs_promtool
def test_promtool_parses_every_query(tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": _plain(expression)}
        for number, expression in enumerate(EXPRESSIONS.values())
    ]
    path = tmp_path / "queries.yml"
    path.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    promtool("check", "rules", path)
