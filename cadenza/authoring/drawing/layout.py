"""Places boxes in layers from top to bottom, and lines between them that avoid the boxes.

After Sugiyama, Tagawa and Toda (1981): lines that lead back are set
aside, each box gets the layer behind its last predecessor, lines over
several layers get a bend in each, the boxes of a layer are sorted by
where their neighbours are, and then moved towards them as far as the
order allows. Deterministic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP_ACROSS = 28.0
GAP_DOWN = 30.0
_SWEEPS = 12
_LONELY_IN_A_ROW = 4


@dataclass(frozen=True, kw_only=True)
class Box:
    """Something to place; sizes in pixels. A bend of a line is a box without a size."""

    name: str
    width: float
    height: float


@dataclass(frozen=True)
class Point:
    """x to the right, y downwards."""

    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where everything is. centres: of boxes, by name. lines: for each line its points.

    A line that leads back has the points of its detour around the boxes.
    """

    width: float
    height: float
    centres: Mapping[str, Point]
    lines: Sequence[Sequence[Point]]
    back: frozenset[int]


@dataclass
class _Work:
    boxes: dict[str, Box]
    lines: Sequence[tuple[str, str]]
    back: set[int] = field(default_factory=set)
    layer: dict[str, int] = field(default_factory=dict)
    chains: dict[int, list[str]] = field(default_factory=dict)
    rows: list[list[str]] = field(default_factory=list)
    x: dict[str, float] = field(default_factory=dict)


def lay_out(boxes: Sequence[Box], lines: Sequence[tuple[str, str]]) -> Layout:
    """Place `boxes`, in whose order they were given if nothing else decides.

    lines: pairs of names of boxes; the first box is the top one.
    """
    work = _Work(boxes={box.name: box for box in boxes}, lines=lines)
    _set_back_lines_aside(work)
    _make_layers(work)
    _bend_long_lines(work)
    _sort_layers(work)
    _move_to_neighbours(work)
    return _measured(work)


def _set_back_lines_aside(work: _Work) -> None:
    out: dict[str, list[tuple[int, str]]] = {name: [] for name in work.boxes}
    for number, (source, target) in enumerate(work.lines):
        out[source].append((number, target))
    done: set[str] = set()
    for start in work.boxes:
        path: list[tuple[str, int]] = [(start, 0)] if start not in done else []
        on_path = {start} if path else set()
        while path:
            name, at = path.pop()
            if at == len(out[name]):
                done.add(name)
                on_path.discard(name)
                continue
            path.append((name, at + 1))
            number, target = out[name][at]
            if target in on_path:
                work.back.add(number)
            elif target not in done:
                path.append((target, 0))
                on_path.add(target)


def _make_layers(work: _Work) -> None:
    ahead: dict[str, list[str]] = {name: [] for name in work.boxes}
    waits_for = dict.fromkeys(work.boxes, 0)
    for number, (source, target) in enumerate(work.lines):
        if number not in work.back:
            ahead[source].append(target)
            waits_for[target] += 1
    work.layer = dict.fromkeys(work.boxes, 0)
    ready = [name for name in work.boxes if waits_for[name] == 0]
    while ready:
        name = ready.pop(0)
        for target in ahead[name]:
            work.layer[target] = max(work.layer[target], work.layer[name] + 1)
            waits_for[target] -= 1
            if waits_for[target] == 0:
                ready.append(target)
    _stack_the_lonely(work)


def _stack_the_lonely(work: _Work) -> None:
    """Boxes without lines go below all others, a few in a row."""
    linked = {name for line in work.lines for name in line}
    lonely = [name for name in work.boxes if name not in linked]
    below = max((work.layer[name] for name in linked), default=-1) + 1
    for number, name in enumerate(lonely):
        work.layer[name] = below + number // _LONELY_IN_A_ROW


def _bend_long_lines(work: _Work) -> None:
    for number, (source, target) in enumerate(work.lines):
        chain = [source]
        if number not in work.back:
            for layer in range(work.layer[source] + 1, work.layer[target]):
                bend = f"\0{number}:{layer}"
                work.boxes[bend] = Box(name=bend, width=12, height=0)
                work.layer[bend] = layer
                chain.append(bend)
        work.chains[number] = [*chain, target]
    work.rows = [[] for _ in range(max(work.layer.values(), default=0) + 1)]
    for name in work.boxes:
        work.rows[work.layer[name]].append(name)


def _neighbours(work: _Work, *, above: bool) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in work.boxes}
    for number, chain in work.chains.items():
        if number in work.back:
            continue
        for first, second in pairwise(chain):
            if above:
                found[second].append(first)
            else:
                found[first].append(second)
    return found


def _sort_layers(work: _Work) -> None:
    above, below = _neighbours(work, above=True), _neighbours(work, above=False)
    best, fewest = [list(row) for row in work.rows], _crossings(work, below)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        for number in range(len(work.rows)) if down else reversed(range(len(work.rows))):
            other = number - 1 if down else number + 1
            if not 0 <= other < len(work.rows):
                continue
            at = {name: place for place, name in enumerate(work.rows[other])}
            row = work.rows[number]
            own = {name: place for place, name in enumerate(row)}
            weight = {
                name: sum(at[n] for n in near[name]) / len(near[name]) if near[name] else own[name]
                for name in row
            }
            row.sort(key=lambda name: (weight[name], own[name]))
        crossings = _crossings(work, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in work.rows], crossings
    work.rows = best


def _crossings(work: _Work, below: Mapping[str, Sequence[str]]) -> int:
    count = 0
    for row, under in zip(work.rows, work.rows[1:], strict=False):
        at = {name: place for place, name in enumerate(under)}
        ends = [sorted(at[target] for target in below[name]) for name in row]
        flat = [end for some in ends for end in some]
        count += sum(a > b for n, a in enumerate(flat) for b in flat[n + 1 :])
    return count


def _move_to_neighbours(work: _Work) -> None:
    above, below = _neighbours(work, above=True), _neighbours(work, above=False)
    for row in work.rows:
        at = 0.0
        for name in row:
            work.x[name] = at + work.boxes[name].width / 2
            at += work.boxes[name].width + GAP_ACROSS
    for sweep in range(2 * _SWEEPS):
        down = sweep % 2 == 0
        for row in work.rows if down else list(reversed(work.rows)):
            near = above if down else below
            wanted = [
                sum(work.x[n] for n in near[name]) / len(near[name]) if near[name] else work.x[name]
                for name in row
            ]
            work.x.update(zip(row, _spread(row, wanted, work.boxes), strict=True))
    linked = {name for line in work.lines for name in line}
    left = min((work.x[n] - work.boxes[n].width / 2 for n in linked), default=0.0)
    for name in work.x.keys() - linked:
        if not name.startswith("\0"):
            work.x[name] += left


def _spread(row: Sequence[str], wanted: Sequence[float], boxes: Mapping[str, Box]) -> list[float]:
    """The places nearest to those that are wanted which keep order and distances."""
    offsets, offset = [], 0.0
    for before, name in zip([None, *row], row, strict=False):
        if before is not None:
            offset += (boxes[before].width + boxes[name].width) / 2 + GAP_ACROSS
        offsets.append(offset)
    # Pool adjacent violators: boxes that would overlap move as one block.
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        blocks.append((want - offset, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (first, n), (second, m) = blocks[-2:]
            blocks[-2:] = [((first * n + second * m) / (n + m), n + m)]
    starts = [start for start, count in blocks for _ in range(count)]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]


def _measured(work: _Work) -> Layout:
    left = min(work.x[n] - box.width / 2 for n, box in work.boxes.items())
    right = max(work.x[n] + box.width / 2 for n, box in work.boxes.items()) - left
    tops, y = [], 0.0
    for row in work.rows:
        height = max((work.boxes[name].height for name in row), default=0.0)
        tops.append((y, height))
        y += height + GAP_DOWN
    centres = {
        name: Point(round(work.x[name] - left, 1), round(tops[n][0] + tops[n][1] / 2, 1))
        for n, row in enumerate(work.rows)
        for name in row
    }
    lines, out = [], 0
    for number in range(len(work.lines)):
        chain = work.chains[number]
        if number in work.back:
            out += 1
            lines.append(_detour(chain, centres, work.boxes, right + 14.0 * out))
        else:
            lines.append(_points(chain, centres, work, tops))
    return Layout(
        width=round(right + 14.0 * out, 1),
        height=round(y - GAP_DOWN, 1),
        centres={name: at for name, at in centres.items() if not name.startswith("\0")},
        lines=lines,
        back=frozenset(work.back),
    )


def _points(
    chain: Sequence[str],
    centres: Mapping[str, Point],
    work: _Work,
    layers: Sequence[tuple[float, float]],
) -> list[Point]:
    """Upright through each layer, so that no line leans against a box."""
    first, *bends, last = chain
    through = []
    for bend in bends:
        top, height = layers[work.layer[bend]]
        through += [Point(centres[bend].x, top), Point(centres[bend].x, round(top + height, 1))]
    return [
        Point(centres[first].x, centres[first].y + work.boxes[first].height / 2),
        *through,
        Point(centres[last].x, centres[last].y - work.boxes[last].height / 2),
    ]


def _detour(
    chain: Sequence[str], centres: Mapping[str, Point], boxes: Mapping[str, Box], x: float
) -> list[Point]:
    """From below the first box around everything on the right to above the last."""
    first, last = chain[0], chain[-1]
    begin = Point(centres[first].x, centres[first].y + boxes[first].height / 2)
    end = Point(centres[last].x, centres[last].y - boxes[last].height / 2)
    under, over = begin.y + GAP_DOWN / 2, end.y - GAP_DOWN / 2
    return [
        begin,
        Point(begin.x, under),
        Point(x, under),
        Point(x, over),
        Point(end.x, over),
        end,
    ]
