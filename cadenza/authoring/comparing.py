"""What differs between two versions of a cadence, in the words of its author.

Compared are the cadence files, key by key, and the templates, line by line:
in cadence files comments, blank lines, quoting and the order of keys are no
difference; but the order of statuses is, as an enrollment begins with the first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cadenza.language.loader import Sources

Kind = Literal["added", "removed", "changed", "moved"]

_YAML = (".yaml", ".yml")
_LONGEST = 60
_NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference.

    step: the step that it is about; None for what stands before the steps,
    and for files. what: the key or file that differs. before, after: short
    texts; None where there was or is none.
    """

    kind: Kind
    step: str | None
    what: str
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        where = f"step {self.step}" if self.step else ""
        told = " ".join(word for word in (where, self.what) if word)
        match self.kind:
            case "changed":
                return f"{told}: {self.before or _NOTHING} → {self.after or _NOTHING}"
            case "moved":
                return f"{told}: now after {self.after or 'the beginning'}"
            case kind:
                return f"{told}: {kind}"


def compare(old: Sources, new: Sources) -> Sequence[Change]:
    """Every difference: of the header, then step by step, then file by file. Pure."""
    before, after = _document(old), _document(new)
    return [
        *_compare_keys(None, before.header, after.header),
        *_compare_statuses(before.header, after.header),
        *_compare_steps(before.steps, after.steps),
        *_compare_files(old, new),
    ]


@dataclass(frozen=True, kw_only=True)
class _Step:
    """A step as it is written. number: its place in the file; after: the step before it."""

    keys: Mapping[str, Any]
    after: str | None


@dataclass(frozen=True, kw_only=True)
class _Document:
    header: Mapping[str, Any]
    steps: Mapping[str, _Step]


def _document(sources: Sources) -> _Document:
    name = next(name for name in sources if name.endswith(_YAML))
    node = YAML(typ="safe", pure=True).compose(sources[name])
    keys = _plain(node)
    if not isinstance(keys, dict):
        raise TypeError("a stored cadence is no mapping")
    steps = dict(_steps(keys.get("steps", ())))
    return _Document(header={k: v for k, v in keys.items() if k != "steps"}, steps=steps)


def _plain(node: Node) -> Any:
    """A node as dicts, lists and texts, each value as it was written."""
    match node:
        case MappingNode():
            return {str(key.value): _plain(value) for key, value in node.value}
        case SequenceNode():
            return [_plain(item) for item in node.value]
        case ScalarNode():
            return " ".join(str(node.value).split())
    raise TypeError(f"{type(node).__name__} is no part of a cadence file")


def _steps(listed: Iterable[Any]) -> Iterator[tuple[str, _Step]]:
    """Each step and those within it, in the order of the file."""
    before: str | None = None
    for entry in listed:
        step_id = entry["step"]
        own: dict[str, Any] = {}
        inner: list[Sequence[Any]] = []
        for key, value in entry.items():
            lists = _lists_of_steps(value)
            if lists:
                own[key] = sorted(lists) if isinstance(value, dict) else []
                inner += lists.values()
            elif key != "step":
                own[key] = value
        yield step_id, _Step(keys=own, after=before)
        for steps in inner:
            yield from _steps(steps)
        before = step_id


def _lists_of_steps(value: Any) -> Mapping[str, Sequence[Any]]:
    """The lists of steps that a key holds: the body of a loop, or lanes by their names."""
    named = value if isinstance(value, dict) else {"": value}
    return {
        name: some
        for name, some in named.items()
        if isinstance(some, list)
        and some
        and all(isinstance(s, dict) and "step" in s for s in some)
    }


def _compare_keys(
    step: str | None, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Change]:
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            for change in _compare_keys(step, old, new):
                yield Change(
                    kind="changed",
                    step=step,
                    what=f"{key}.{change.what}",
                    before=change.before,
                    after=change.after,
                )
        else:
            yield Change(kind="changed", step=step, what=key, before=_told(old), after=_told(new))


def _compare_statuses(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Another order, or another first one: with that everybody begins."""
    old, new = _names_of_statuses(before), _names_of_statuses(after)
    kept = [[name for name in order if name in old and name in new] for order in (old, new)]
    if kept[0] != kept[1] or (old and new and old[0] != new[0]):
        yield Change(
            kind="changed", step=None, what="order of statuses", before=_told(old), after=_told(new)
        )


def _names_of_statuses(header: Mapping[str, Any]) -> Sequence[str]:
    said = header.get("statuses")
    return [name for name in said if name != "field"] if isinstance(said, dict) else []


def _compare_steps(before: Mapping[str, _Step], after: Mapping[str, _Step]) -> Iterator[Change]:
    for step_id, old in before.items():
        new = after.get(step_id)
        if new is None:
            yield Change(kind="removed", step=step_id, what="")
            continue
        yield from _compare_keys(step_id, old.keys, new.keys)
    kept = [step_id for step_id in before if step_id in after]
    order = [step_id for step_id in after if step_id in before]
    moved = _moved(kept, order)
    for step_id, new in after.items():
        if step_id not in before:
            told = f"after {new.after}" if new.after else "at the beginning"
            yield Change(kind="added", step=step_id, what=told)
        elif step_id in moved:
            yield Change(kind="moved", step=step_id, what="", after=new.after)


def _moved(before: Sequence[str], after: Sequence[str]) -> set[str]:
    """The fewest steps whose move explains the new order: all but a longest common run."""
    place = {step_id: n for n, step_id in enumerate(before)}
    best: list[list[str]] = []  # best[i] ends a longest rising chain at after[i]
    for n, step_id in enumerate(after):
        chains = [best[m] for m in range(n) if place[after[m]] < place[step_id]]
        best.append([*_longest(chains), step_id])
    return set(after) - set(_longest(best))


def _longest(chains: Sequence[list[str]]) -> list[str]:
    best: list[str] = []
    for chain in chains:
        if len(chain) > len(best):
            best = chain
    return best


def _compare_files(old: Sources, new: Sources) -> Iterator[Change]:
    for name in dict.fromkeys([*old, *new]):
        if name.endswith(_YAML):
            continue
        if name not in new or name not in old:
            kind: Kind = "removed" if name not in new else "added"
            yield Change(kind=kind, step=None, what=name)
        elif old[name] != new[name]:
            gone, come = _replaced(old[name].split("\n"), new[name].split("\n"))
            yield Change(
                kind="changed", step=None, what=name, before=_lines(gone), after=_lines(come)
            )


def _replaced(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    """How many lines stand no longer where they stood, and how many came in their place."""
    gone = come = 0
    for how, first, last, new_first, new_last in SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        if how != "equal":
            gone, come = gone + last - first, come + new_last - new_first
    return gone, come


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _told(value: Any) -> str | None:
    match value:
        case None:
            return None
        case dict():
            text = ", ".join(f"{key}: {_told(item)}" for key, item in value.items())
        case list():
            text = ", ".join(str(_told(item)) for item in value)
        case _:
            text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
