"""A graph as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from cadenza.authoring.drawing import svg
from cadenza.authoring.drawing.graph import Graph, Node
from cadenza.authoring.drawing.layout import Box, Layout, Point, lay_out
from cadenza.authoring.drawing.text import width, wrap

_MARGIN = 24.0
_PAD = 12.0
_HEAD = 40.0
_MOST_WIDTH = 300.0
_LEAST_WIDTH = 90.0
_LABEL_WIDTH = 220.0
_LINE = 16.0
_CORNER = 8.0


@dataclass(frozen=True, kw_only=True)
class _Face:
    """What stands in a box: its lines, wrapped, and how large that makes it."""

    lines: Sequence[str]
    width: float
    height: float


def draw_graph(graph: Graph) -> str:
    """An SVG document; steps in their order from top to bottom, what is a choice side by side."""
    faces = {node.name: _face(node) for node in graph.nodes}
    labels = {n: link.label for n, link in enumerate(graph.links) if link.label}
    boxes = [Box(name=n, width=f.width, height=f.height) for n, f in faces.items()]
    lines: list[tuple[str, str]] = []
    for number, link in enumerate(graph.links):
        if number in labels:
            wrapped = wrap(labels[number], svg.SMALL_SIZE, _LABEL_WIDTH, 2)
            name = _label(number)
            faces[name] = _Face(
                lines=wrapped,
                width=ceil(max(width(line, svg.SMALL_SIZE) for line in wrapped)) + 16,
                height=len(wrapped) * 14.0 + 8,
            )
            boxes.append(Box(name=name, width=faces[name].width, height=faces[name].height))
            lines += [(link.source, name), (name, link.target)]
        else:
            lines.append((link.source, link.target))
    layout = lay_out(boxes, lines)
    parts = [_drawn_line(n, layout, lines) for n in range(len(lines))]
    parts += [_pill(faces[_label(n)], layout.centres[_label(n)]) for n in labels]
    parts += [_box(node, faces[node.name], layout.centres[node.name]) for node in graph.nodes]
    across = max(layout.width, width(graph.title, svg.TITLE_SIZE, bold=True))
    shown = [
        svg.text(
            _MARGIN,
            _MARGIN + svg.TITLE_SIZE,
            graph.title,
            svg.TITLE_SIZE,
            "ink",
            room=across,
            bold=True,
        ),
        f'<g transform="translate({_MARGIN:g} {_MARGIN + _HEAD:g})">',
        *parts,
        "</g>",
    ]
    return svg.frame(across + 2 * _MARGIN, layout.height + 2 * _MARGIN + _HEAD, graph.title, shown)


def _label(number: int) -> str:
    return f"\1{number}"


def _face(node: Node) -> _Face:
    title = width(node.told.title, svg.NAME_SIZE, bold=True) + svg.ICON_SIZE + 8
    room = _MOST_WIDTH - 2 * _PAD
    lines = [line for said in node.told.lines for line in wrap(said, svg.SMALL_SIZE, room, 2)]
    inner = max([title, *(width(line, svg.SMALL_SIZE) for line in lines)])
    across = min(_MOST_WIDTH, max(_LEAST_WIDTH, inner + 2 * _PAD))
    return _Face(lines=lines, width=ceil(across), height=2 * _PAD + _LINE * (1 + len(lines)))


def _box(node: Node, face: _Face, centre: Point) -> str:
    left, top = centre.x - face.width / 2, centre.y - face.height / 2
    style = "choice" if node.told.kind == "branch" else "box"
    if node.outcome is not None:
        style = svg.outcome_style(node.outcome)
    rounded = face.height / 2 if node.outcome is not None and not node.told.lines else 8
    room = face.width - 2 * _PAD
    parts = [
        svg.rect(left, top, face.width, face.height, style, radius=rounded),
        svg.icon(left + _PAD, top + _PAD - 1, node.told.kind),
        svg.text(
            left + _PAD + svg.ICON_SIZE + 8,
            top + _PAD + 12,
            node.told.title,
            svg.NAME_SIZE,
            "ink",
            room=room - svg.ICON_SIZE - 8,
            bold=True,
        ),
    ]
    for number, said in enumerate(face.lines, start=1):
        y = top + _PAD + 12 + _LINE * number
        parts.append(svg.text(left + _PAD, y, said, svg.SMALL_SIZE, "dim", room=room))
    return f'<g data-step="{node.name}">{"".join(parts)}</g>'


def _pill(face: _Face, centre: Point) -> str:
    left, top = centre.x - face.width / 2, centre.y - face.height / 2
    parts = [svg.rect(left, top, face.width, face.height, "pill", radius=10)]
    for number, said in enumerate(face.lines, start=1):
        parts.append(
            svg.text(
                centre.x,
                top + 14.0 * number,
                said,
                svg.SMALL_SIZE,
                "dim",
                room=face.width - 10,
                anchor="middle",
            )
        )
    return "".join(parts)


def _drawn_line(number: int, layout: Layout, lines: Sequence[tuple[str, str]]) -> str:
    points = layout.lines[number]
    arrow = not lines[number][1].startswith("\1")
    if number in layout.back:
        return svg.line(_cornered(points), "again", arrow=arrow)
    return svg.line(_curved(points), arrow=arrow)


def _curved(points: Sequence[Point]) -> str:
    """A line that leaves and arrives upright at each point."""
    path = [f"M{points[0].x:.1f} {points[0].y:.1f}"]
    for before, point in pairwise(points):
        if abs(before.x - point.x) < 0.1:
            path.append(f"L{point.x:.1f} {point.y:.1f}")
            continue
        half = (before.y + point.y) / 2
        path.append(
            f"C{before.x:.1f} {half:.1f} {point.x:.1f} {half:.1f} {point.x:.1f} {point.y:.1f}"
        )
    return "".join(path)


def _cornered(points: Sequence[Point]) -> str:
    """A line of straight pieces with round corners."""
    path = [f"M{points[0].x:.1f} {points[0].y:.1f}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        start, end = _towards(corner, before), _towards(corner, after)
        path.append(f"L{start.x:.1f} {start.y:.1f}")
        path.append(f"Q{corner.x:.1f} {corner.y:.1f} {end.x:.1f} {end.y:.1f}")
    path.append(f"L{points[-1].x:.1f} {points[-1].y:.1f}")
    return "".join(path)


def _towards(corner: Point, other: Point) -> Point:
    distance = abs(other.x - corner.x) + abs(other.y - corner.y)
    part = min(1.0, _CORNER / distance) if distance else 0.0
    return Point(corner.x + (other.x - corner.x) * part, corner.y + (other.y - corner.y) * part)
