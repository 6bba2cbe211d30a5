"""Where things stand in a cadence's files: keys of steps, and every piece of Liquid."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cadenza.language.document import Document
from cadenza.language.fields import read_yaml
from cadenza.language.reporter import Reporter
from cadenza.language.source import Place, Text

_YAML = (".yaml", ".yml")
_FENCE = "---"


@dataclass(frozen=True, kw_only=True)
class StepNode:
    """One step as it is written. keys: what it says, by key."""

    step_id: str
    place: Place
    node: MappingNode
    keys: Mapping[str, Node]


@dataclass(frozen=True, kw_only=True)
class MailSource:
    """One mail template as it is written; subject and preview are None where it has none."""

    file: str
    subject: Text | None
    preview: Text | None
    body: Text

    @property
    def place(self) -> Place:
        """Where the file begins."""
        return Place(file=self.file, line=1, column=1)

    @property
    def is_partial(self) -> bool:
        """Whether it is no mail of its own but a part of others."""
        return "partials" in self.file.split("/")


class Written:
    """The files of one cadence that compiles, read for the places in them."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = sources
        self.file = next(name for name in sources if name.endswith(_YAML))
        root = YAML(typ="safe", pure=True).compose(sources[self.file])
        if not isinstance(root, MappingNode):
            raise TypeError(f"{self.file} is no cadence that compiles")
        self.root = root
        self.document = Document(self.file, sources[self.file], Reporter())
        self.steps = {step.step_id: step for step in _steps(root, self.document)}

    def place(self, step_id: str, *path: str) -> Place:
        """Where what a step says under the keys `path` stands; as far as they are there.

        A step that is made from another (`intro.question`) is looked up there.
        """
        step = self._step(step_id)
        if step is None:
            return self.document.place(self.root)
        return self.document.place(_below(step.node, path))

    def node(self, step_id: str, *path: str) -> Node | None:
        """What a step says under the keys `path`; None: nothing."""
        step = self._step(step_id)
        node: Node | None = step.node if step else None
        for key in path:
            node = _child(node, key) if node is not None else None
        return node

    def top(self, *path: str) -> Place:
        """Where what the file says under the keys `path`, outside the steps, stands."""
        return self.document.place(_below(self.root, path))

    def every_text(self) -> Iterator[tuple[str, Text]]:
        """Every single value inside the steps, once, and the innermost step that says it."""
        nodes = [step.node for step in self.steps.values()]
        for step in self.steps.values():
            others = [node for node in nodes if node is not step.node]
            for scalar in _scalars(step.node, without=others):
                yield step.step_id, self.document.text(scalar)

    def texts_of(self, key: str) -> Iterator[tuple[str, Text]]:
        """What the steps say under `key`, in each language, and the step that says it."""
        for step in self.steps.values():
            for scalar in _scalars(step.keys[key], without=()) if key in step.keys else ():
                yield step.step_id, self.document.text(scalar)

    @cached_property
    def mails(self) -> Sequence[MailSource]:
        """The mail templates and partials, in order of their names."""
        files = sorted(file for file in self.sources if file.endswith(".liquid"))
        return [_mail(file, self.sources[file]) for file in files]

    def liquid(self) -> Iterator[Text]:
        """Every text with Liquid in it: of the steps, and all parts of the mails."""
        for _, text in self.every_text():
            if "{{" in text.value or "{%" in text.value:
                yield text
        for mail in self.mails:
            yield from (part for part in (mail.subject, mail.preview, mail.body) if part)

    def _step(self, step_id: str) -> StepNode | None:
        return self.steps.get(step_id) or self.steps.get(step_id.partition(".")[0])


def _steps(node: Node, document: Document) -> Iterator[StepNode]:
    """All steps below `node`, those that are nested in others after these."""
    children: Sequence[Node] = ()
    if isinstance(node, MappingNode):
        keys = {str(key.value): value for key, value in node.value}
        name = keys.get("step")
        if isinstance(name, ScalarNode):
            yield StepNode(
                step_id=str(name.value).strip(),
                place=document.place(node),
                node=node,
                keys=keys,
            )
        children = list(keys.values())
    elif isinstance(node, SequenceNode):
        children = node.value
    for child in children:
        yield from _steps(child, document)


def _below(node: Node, path: tuple[str, ...]) -> Node:
    for key in path:
        inner = _child(node, key)
        if inner is None:
            return node
        node = inner
    return node


def _child(node: Node, key: str) -> Node | None:
    found: Node | None = None
    if isinstance(node, MappingNode):
        found = next((value for name, value in node.value if str(name.value) == key), None)
    elif isinstance(node, SequenceNode) and key.isdecimal() and int(key) < len(node.value):
        found = node.value[int(key)]
    return found


def _scalars(node: Node, without: Sequence[MappingNode]) -> Iterator[ScalarNode]:
    if any(node is other for other in without):
        return
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, MappingNode):
        for _, value in node.value:
            yield from _scalars(value, without)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _scalars(item, without)


def _mail(file: str, source: str) -> MailSource:
    matter, body, below = _parted(source)
    fields = read_yaml(file, "\n" + matter, Reporter()) if matter.strip() else None
    return MailSource(
        file=file,
        subject=fields.text("subject") if fields else None,
        preview=fields.text("preview") if fields else None,
        body=Text(value=body, place=Place(file=file, line=below, column=1), verbatim=True),
    )


def _parted(source: str) -> tuple[str, str, int]:
    """Front matter, body, and the number of the line on which the body begins."""
    lines = source.split("\n")
    fences = [n for n, line in enumerate(lines) if line.rstrip() == _FENCE][:2]
    if len(fences) < 2 or fences[0] != 0:
        return "", source, 1
    end = fences[1]
    return "\n".join(lines[1:end]), "\n".join(lines[end + 1 :]), end + 2
