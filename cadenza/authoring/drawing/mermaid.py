"""A graph as a Mermaid flowchart, as READMEs on GitHub and GitLab show it."""

from cadenza.authoring.drawing.graph import Graph, Node
from cadenza.authoring.drawing.svg import outcome_style

_SHAPES = {
    "branch": ("{{", "}}"),
    "end": ("([", "])"),
    "wait": ("(", ")"),
    "join": ("((", "))"),
    "cadence": ("[[", "]]"),
}
_STYLES = {
    "good": "fill:#ddf3e4,stroke:#3b9a5f,color:#1c2733",
    "bad": "fill:#fbe3e1,stroke:#c4554d,color:#1c2733",
    "other": "fill:#e8ebef,stroke:#8a97a5,color:#1c2733",
    "onward": "fill:#e3edfb,stroke:#4a7fc1,color:#1c2733",
}


def mermaid(graph: Graph) -> str:
    """The text of the flowchart. Everything that an author wrote is quoted and escaped."""
    ids = {node.name: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = ["flowchart TD"]
    lines += [f"  {ids[node.name]}{_box(node)}" for node in graph.nodes]
    for link in graph.links:
        label = f'|"{_quoted(link.label)}"|' if link.label else ""
        lines.append(f"  {ids[link.source]} -->{label} {ids[link.target]}")
    for style, looks in _STYLES.items():
        of_style = [
            ids[node.name]
            for node in graph.nodes
            if node.outcome is not None and outcome_style(node.outcome) == style
        ]
        if of_style:
            lines += [f"  classDef {style} {looks}", f"  class {','.join(of_style)} {style}"]
    return "\n".join(lines) + "\n"


def _box(node: Node) -> str:
    opening, closing = _SHAPES.get(node.told.kind, ("[", "]"))
    kind = "" if node.told.kind in _SHAPES else f"{node.told.kind.replace('_', ' ')}: "
    said = "<br>".join(
        [f"<b>{_quoted(kind + node.told.title)}</b>", *(_quoted(line) for line in node.told.lines)]
    )
    return f'{opening}"{said}"{closing}'


def _quoted(text: str) -> str:
    # Mermaid reads HTML entities with `#` in place of `&`; its own signs are written so.
    escaped = {"#": "#35;", "&": "#38;", '"': "#34;", "<": "#60;", ">": "#62;", "`": "#96;"}
    return "".join(escaped.get(char, char) for char in text if char.isprintable())
