"""One YAML file as its nodes stand in it: where each begins, and what a scalar says."""

from ruamel.yaml.nodes import Node, ScalarNode

from cadenza.language.reporter import Reporter
from cadenza.language.source import Place, Text


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
