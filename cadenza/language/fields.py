"""Reading YAML with positions: every value knows its line, and every stray key is found.

The YAML is composed into nodes and read from there, never turned into
Python objects: `09:00-17:00`, `yes` and `mon-fri` stay what the author
wrote, and a message can point at the very key.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from datetime import timedelta

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cadenza.language.document import Document
from cadenza.language.reporter import Reporter
from cadenza.language.source import Place, Text, did_you_mean, listed
from cadenza.timespec import parse_span

_KIND = {MappingNode: "keys and values", SequenceNode: "a list", ScalarNode: "a single value"}


class Fields:
    """The keys of one YAML mapping. Each is taken once; `done` reports what nobody took."""

    def __init__(self, document: Document, node: MappingNode, what: str) -> None:
        self.document = document
        self.reporter = document.reporter
        self.place = document.place(node)
        self._what = what
        self._nodes: dict[str, tuple[Place, Node]] = {}
        self._asked: set[str] = set()
        for key, value in node.value:
            self._add(key, value)

    def _add(self, key: Node, value: Node) -> None:
        place = self.document.place(key)
        if not isinstance(key, ScalarNode):
            self.reporter.problem(place, "a key must be a single word")
        elif str(key.value) in self._nodes:
            self.reporter.problem(place, f"`{key.value}` is said twice; keep one of the two")
        else:
            self._nodes[str(key.value)] = (place, value)

    def __contains__(self, key: str) -> bool:
        return key in self._nodes

    def keys(self) -> Iterable[str]:
        """The keys, in the order of the file."""
        return self._nodes.keys()

    def key_place(self, key: str) -> Place:
        """Where a key stands; where the mapping begins if it is not there."""
        return self._nodes[key][0] if key in self._nodes else self.place

    def problem(self, key: str, message: str, *, rule: str = "language") -> None:
        """Report something about what `key` says. rule: see `Problem`."""
        self.reporter.problem(self.value_place(key), message, rule=rule)

    def value_place(self, key: str) -> Place:
        """Where the value of a key stands; the key if it has none."""
        if key not in self._nodes:
            return self.place
        place, node = self._nodes[key]
        return place if _is_empty(node) else self.document.place(node)

    def missing(self, key: str, message: str) -> None:
        """Report that a key is missing, unless a value for it was already found wanting."""
        if key not in self._nodes:
            self.reporter.problem(self.place, message)

    def _take(self, key: str, kind: type[Node]) -> Node | None:
        self._asked.add(key)
        if key not in self._nodes:
            return None
        _, node = self._nodes[key]
        if _is_empty(node):
            self.problem(key, f"`{key}` has no value; write one or remove the line")
            return None
        if not isinstance(node, kind):
            braces = isinstance(node, MappingNode) and node.flow_style
            mend = "; put quotes around a text with `{{ … }}`" if braces else ""
            self.problem(key, f"`{key}` must be {_KIND[kind]}, not {_KIND[type(node)]}{mend}")
            return None
        return node

    def text(self, key: str) -> Text | None:
        """A scalar as it is written; None if it is not there."""
        node = self._take(key, ScalarNode)
        return self.document.text(node) if isinstance(node, ScalarNode) else None

    def name(self, key: str, pattern: re.Pattern[str], rule: str) -> str | None:
        """A scalar that has to match `pattern`; `rule` says how it is written."""
        text = self.text(key)
        if text is None:
            return None
        if not pattern.fullmatch(text.value):
            self.problem(key, f"`{key}: {text.value}` is not a name here; {rule}")
            return None
        return text.value

    def names(self, pattern: re.Pattern[str], rule: str) -> Sequence[str]:
        """The keys, where these are names that the author chose; `rule` as with `name`.

        One that is not written like that is reported, and is among them all the same.
        """
        for key, (place, _) in self._nodes.items():
            if not pattern.fullmatch(key):
                self.reporter.problem(place, f"`{key}` is not a name here; {rule}")
        return [*self._nodes]

    def choice(self, key: str, choices: Iterable[str]) -> str | None:
        """One of a few words."""
        text = self.text(key)
        if text is None:
            return None
        if text.value not in choices:
            self.problem(
                key,
                f"`{key}: {text.value}` is not known{did_you_mean(text.value, choices)}; "
                f"write {listed(choices)}",
            )
            return None
        return text.value

    def number(self, key: str, lowest: int, highest: int) -> int | None:
        """A whole number."""
        text = self.text(key)
        if text is None:
            return None
        if not re.fullmatch(r"\d{1,6}", text.value) or not lowest <= int(text.value) <= highest:
            self.problem(
                key,
                f"`{key}: {text.value}` must be a whole number from {lowest} to {highest}",
            )
            return None
        return int(text.value)

    def span(self, key: str) -> timedelta | None:
        """A span of time in calendar terms, e.g. `1 day`."""
        text = self.text(key)
        if text is None:
            return None
        try:
            return parse_span(text.value)
        except ValueError as error:
            self.problem(key, str(error))
            return None

    def texts(self, key: str) -> Sequence[Text] | None:
        """A list of scalars; one scalar alone counts as a list of one."""
        if key in self._nodes and isinstance(self._nodes[key][1], ScalarNode):
            text = self.text(key)
            return None if text is None else [text]
        node = self._take(key, SequenceNode)
        if node is None:
            return None
        found = []
        for item in node.value:
            if isinstance(item, ScalarNode) and not _is_empty(item):
                found.append(self.document.text(item))
            else:
                self.reporter.problem(
                    self.document.place(item), f"`{key}` must be a list of single values"
                )
        return found

    def is_mapping(self, key: str) -> bool:
        """Whether a key holds keys and values; not for `{{ … }}` that lacks its quotes."""
        node = self._nodes[key][1] if key in self._nodes else None
        return isinstance(node, MappingNode) and all(
            isinstance(inner, ScalarNode) for inner, _ in node.value
        )

    def is_list(self, key: str) -> bool:
        """Whether a key holds a list."""
        return key in self._nodes and isinstance(self._nodes[key][1], SequenceNode)

    def is_empty_list(self, key: str) -> bool:
        """Whether a key holds a list of nothing."""
        return self.is_list(key) and not self._nodes[key][1].value

    def items(self, key: str, what: str) -> "Sequence[Text | Fields]":
        """A list of scalars and mappings; `what` names one of them in messages."""
        node = self._take(key, SequenceNode)
        found: list[Text | Fields] = []
        for item in node.value if node is not None else ():
            if isinstance(item, MappingNode):
                found.append(Fields(self.document, item, what))
            elif isinstance(item, ScalarNode) and not _is_empty(item):
                found.append(self.document.text(item))
            else:
                self.reporter.problem(
                    self.document.place(item), f"{what} is a text, or keys and values"
                )
        return found

    def overlaid(self, over: "Fields | None", *, without: Iterable[str] = ()) -> "Fields":
        """These keys, but for `without`, with those of `over` in place of their namesakes."""
        made = copy(self)
        kept = {key: at for key, at in self._nodes.items() if key not in {*without}}
        made._nodes = {**kept, **(over._nodes if over else {})}
        made._asked = {"step"}
        return made

    def everywhere(self) -> "Iterator[Fields]":
        """These keys, and those of every mapping at any depth below."""
        yield self
        for _, node in self._nodes.values():
            for mapping in _mappings_in(node):
                yield from Fields(self.document, mapping, self._what).everywhere()

    def mapping(self, key: str) -> "Fields | None":
        """A mapping below this one."""
        node = self._take(key, MappingNode)
        return Fields(self.document, node, f"`{key}`") if isinstance(node, MappingNode) else None

    def mappings(self, key: str, what: str) -> "Iterator[Fields]":
        """A list of mappings; `what` names one of them in messages."""
        node = self._take(key, SequenceNode)
        for item in node.value if node is not None else ():
            if isinstance(item, MappingNode):
                yield Fields(self.document, item, what)
            else:
                self.reporter.problem(self.document.place(item), f"{what} must be keys and values")

    def done(self, known: Iterable[str] = ()) -> None:
        """Report every key that nobody asked for."""
        known = sorted({*known, *self._asked})
        for key, (place, _) in self._nodes.items():
            if key not in self._asked:
                self.reporter.problem(
                    place,
                    f"{self._what} has no key `{key}`{did_you_mean(key, known)}; "
                    f"it knows {listed(known)}",
                )


def _mappings_in(node: Node) -> Iterator[MappingNode]:
    """The mapping itself, or those of a list, and of lists in it."""
    if isinstance(node, MappingNode):
        yield node
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _mappings_in(item)


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and not str(node.value).strip()


def read_yaml(
    file: str, source: str, reporter: Reporter, *, what: str = "a cadence"
) -> Fields | None:
    """The keys of a YAML file; None if it is no YAML mapping, which is then reported.

    what: names it in messages.
    """
    start = Place(file=file, line=1, column=1)
    try:
        node = YAML(typ="safe", pure=True).compose(source)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = Place(file=file, line=mark.line + 1, column=mark.column + 1) if mark else start
        reporter.problem(place, _told(error))
        return None
    except RecursionError:
        reporter.problem(start, f"this is nested too deeply for {what}; write it flatter")
        return None
    except YAMLError as error:
        reporter.problem(start, f"this is not valid YAML: {error}")
        return None
    if not isinstance(node, MappingNode):
        empty = "this file is empty; " if node is None else ""
        reporter.problem(start, f"{empty}{what} is written as keys and values, such as `title: …`")
        return None
    document = Document(file, source, reporter)
    if _is_unreadable(node, document, what):
        return None
    return Fields(document, node, what)


_DEEPEST = 50
_MEND = "check the indentation, and put quotes around texts with `: `, `{{ … }}` or a sign in front"


def _told(error: MarkedYAMLError) -> str:
    said = str(error.problem)
    if "'\\t'" in said:
        return "there is a tab here; indent with spaces"
    if "another document" in said:
        return "a file holds one document; remove the line `---` and put the rest into its own file"
    return f"this is not valid YAML: {said}; {_MEND}"


def _is_unreadable(root: Node, document: Document, what: str) -> bool:
    """Report the first anchor (repeats are written out, so that a reader sees them), or abyss."""
    ahead = [(root, 0)]
    while ahead:
        node, depth = ahead.pop()
        if node.anchor is not None:
            document.reporter.problem(
                document.place(node),
                f"anchors such as `&{node.anchor}` are not used here; write it out",
            )
            return True
        if depth > _DEEPEST:
            document.reporter.problem(
                document.place(node), f"this is nested too deeply for {what}; write it flatter"
            )
            return True
        children = node.value if isinstance(node, (MappingNode, SequenceNode)) else ()
        parts = [p for c in children for p in (c if isinstance(c, tuple) else (c,))]
        ahead.extend((part, depth + 1) for part in reversed(parts))
    return False
