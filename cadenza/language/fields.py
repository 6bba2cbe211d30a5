"""Reading YAML with positions: every value knows its line, and every stray key is found.

The YAML is composed into nodes and read from there, never turned into
Python objects: `09:00-17:00`, `yes` and `mon-fri` stay what the author
wrote, and a message can point at the very key.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cadenza.language.source import Place, Reporter, Text, did_you_mean, listed
from cadenza.timespec import parse_span

_KIND = {MappingNode: "keys and values", SequenceNode: "a list", ScalarNode: "a single value"}


class Document:
    """One YAML file: its name and lines, for places."""

    def __init__(self, file: str, source: str, reporter: Reporter) -> None:
        self.file = file
        self.reporter = reporter
        self._lines = source.splitlines()

    def place(self, node: Node) -> Place:
        """Where `node` begins."""
        mark = node.start_mark
        return Place(file=self.file, line=mark.line + 1, column=mark.column + 1)

    def text(self, node: ScalarNode) -> Text:
        """What a scalar says, and where its first character stands."""
        place = self.place(node)
        if node.style == "|":
            return self._literal_block(node, place)
        quoted = 1 if node.style in ("'", '"') else 0
        start = Place(file=place.file, line=place.line, column=place.column + quoted)
        return Text(value=str(node.value).strip(), place=start)

    def _literal_block(self, node: ScalarNode, place: Place) -> Text:
        # The node begins at its `|`; its text begins on the next line that is not blank.
        value = str(node.value).strip("\n")
        for number in range(place.line, len(self._lines)):
            line = self._lines[number]
            if line.strip():
                indent = len(line) - len(line.lstrip())
                start = Place(file=self.file, line=number + 1, column=indent + 1)
                return Text(value=value, place=start, verbatim=True)
        return Text(value=value, place=place)


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

    def problem(self, key: str, message: str) -> None:
        """Report something about what `key` says."""
        self.reporter.problem(self.value_place(key), message)

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
        reporter.problem(place, f"this is not valid YAML: {error.problem}; {_MEND}")
        return None
    except RecursionError:
        reporter.problem(start, f"this is nested too deeply for {what}")
        return None
    except YAMLError as error:
        reporter.problem(start, f"this is not valid YAML: {error}")
        return None
    if not isinstance(node, MappingNode):
        reporter.problem(start, f"{what} is written as keys and values, such as `title: …`")
        return None
    document = Document(file, source, reporter)
    if _has_alias(node, document):
        return None
    return Fields(document, node, what)


_MEND = "check the indentation, and put quotes around texts with `: `, `{{ … }}` or a sign in front"


def _has_alias(node: Node, document: Document) -> bool:
    """Report the first anchor: repeats are written out, so that a reader sees them."""
    if node.anchor is not None:
        document.reporter.problem(
            document.place(node),
            f"anchors such as `&{node.anchor}` are not used here; write it out",
        )
        return True
    children = node.value if isinstance(node, (MappingNode, SequenceNode)) else ()
    return any(
        _has_alias(part, document)
        for child in children
        for part in (child if isinstance(child, tuple) else (child,))
    )
