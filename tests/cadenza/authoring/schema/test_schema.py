"""The published JSON Schema: up to date, true to what compiles, and strict about structure."""

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

import cadences
from cadenza.authoring.schema import json_schema, schema_text
from cadenza.authoring.schema.steps import KEYS, MARKS
from cadenza.language.steps import step_types

DOCS = Path(__file__).parents[4] / "docs"
SHIPPED = sorted(Path(cadences.__path__[0]).glob("*.yaml"))
LINTED = sorted((Path(__file__).parents[1] / "lint" / "broken").glob("*.yaml"))
EXAMPLES = re.findall(
    r"^```yaml\n(.*?)^```$",
    (DOCS / "cadence-language.md").read_text(encoding="utf-8"),
    re.DOTALL | re.MULTILINE,
)
# The one with mistakes on purpose shows what the compiler says of them.
RIGHT = [example for example in EXAMPLES if "boked" not in example]
VALIDATOR = Draft202012Validator(json_schema())


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def problems(document: Any) -> list[str]:
    return [
        f"{error.json_path}: {error.message[:200]}" for error in VALIDATOR.iter_errors(document)
    ]


def test_published_schema_is_up_to_date() -> None:
    published = (DOCS / "cadence.schema.json").read_text(encoding="utf-8")
    assert published == schema_text(), "run: cadenza schema > docs/cadence.schema.json"


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_cadence_fits(path: Path) -> None:
    assert problems(read(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", LINTED, ids=lambda path: path.stem)
def test_cadence_that_only_its_meaning_breaks_fits(path: Path) -> None:
    assert problems(read(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("example", RIGHT)
def test_example_of_the_documentation_fits(example: str) -> None:
    whole = {
        "cadence": "example",
        "objective": "goal",
        "steps": [{"step": "done", "end": "won"}],
        **read(example),
    }
    assert problems(whole) == []


BASE = {"cadence": "trial", "objective": "goal", "steps": [{"step": "done", "end": "won"}]}


@pytest.mark.parametrize(
    "change",
    [
        {"cadence": None},
        {"cadence": "With Capitals"},
        {"windw": {}},
        {"class": "marketing"},
        {"days": "working"},
        {"exit": {"replied": "go away"}},
        {"signals": {"paid": "explode"}},
        {"enroll": {"per_day": 0}},
        {"steps": []},
        {"steps": {"step": "done", "end": "won"}},
        {"steps": [{"step": "done"}]},
        {"steps": [{"end": "won"}]},
        {"steps": [{"step": "done", "end": "wone"}]},
        {"steps": [{"step": "done", "end": "won", "email": "hello"}]},
        {"steps": [{"step": "hello", "email": "hello", "dya": 1}]},
        {"steps": [{"step": "hello", "email": "hello", "day": 0}]},
        {"steps": [{"step": "hello", "email": "hello", "after": "soon"}]},
        {"steps": [{"step": "hello", "email": "hello", "purpose": "annoy"}]},
        {"steps": [{"step": "ring", "task": "call"}]},
        {"steps": [{"step": "fork", "branch": [{"when": "clicked"}]}]},
        {"steps": [{"step": "work", "parallel": {"lane": []}}]},
        {"steps": [{"step": "wait", "wait": {"until": "subject.date"}}]},
    ],
    ids=str,
)
def test_broken_structure_does_not_fit(change: dict[str, Any]) -> None:
    assert problems(BASE) == []
    broken = {key: value for key, value in {**BASE, **change}.items() if value is not None}
    assert problems(broken)


def test_every_key_of_every_step_is_described() -> None:
    types = step_types()
    assert set(types) <= set(MARKS)
    for step_type in types.values():
        assert step_type.keys <= set(KEYS) | set(MARKS)
    for name, part in {**MARKS, **KEYS}.items():
        assert part.get("description"), name
