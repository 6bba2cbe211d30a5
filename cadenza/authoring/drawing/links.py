"""How cadences lead to each other: by `move_to`, and by signals from outside."""

from collections.abc import Iterator, Sequence

from cadenza.authoring.drawing.graph import Graph, Link, Node
from cadenza.authoring.drawing.words import Told
from cadenza.language.cadence import Cadence

_OUTSIDE = "signal:"


def links_between(cadences: Sequence[Cadence]) -> Graph:
    """One box for each cadence, and for each signal that starts, moves, reopens or ends one.

    A cadence that is named by `move_to` and not among them is there too.
    """
    known = {cadence.name for cadence in cadences}
    nodes = [*_signals(cadences), *(_cadence(cadence) for cadence in cadences)]
    links: list[Link] = []
    for cadence in cadences:
        links += _into(cadence)
    for cadence in cadences:
        for link in _out_of(cadence):
            if link.target not in known:
                known.add(link.target)
                told = Told(kind="cadence", title=link.target, lines=["not in this folder"])
                nodes.append(Node(name=link.target, told=told, outcome="unknown"))
            links.append(link)
    return Graph(title="Cadences and their links", nodes=nodes, links=_joined(links))


def _signals(cadences: Sequence[Cadence]) -> Iterator[Node]:
    names = {name: None for c in cadences for name, r in c.signals.items() if r.action != "heard"}
    for name in names:
        told = Told(kind="webhook", title=name, lines=["signal"])
        yield Node(name=_OUTSIDE + name, told=told)


def _cadence(cadence: Cadence) -> Node:
    kind = "service" if cadence.service else "sales"
    about = f"{kind}, objective {cadence.objective}"
    return Node(
        name=cadence.name,
        told=Told(kind="cadence", title=cadence.name, lines=[cadence.title, about]),
    )


def _into(cadence: Cadence) -> Iterator[Link]:
    for name, reaction in cadence.signals.items():
        if reaction.action == "heard":
            continue
        label: str = reaction.action
        if reaction.step is not None:
            label += f" {'at' if reaction.action == 'reopen' else 'to'} {reaction.step}"
        if reaction.outcome is not None:
            label += f" {reaction.outcome}"
        yield Link(source=_OUTSIDE + name, target=cadence.name, label=label)


def _out_of(cadence: Cadence) -> Iterator[Link]:
    for step in cadence.steps.values():
        target = getattr(step, "cadence", None) if step.name == "move_to" else None
        if isinstance(target, str):
            stays = " and stays" if step.continues() else ""
            yield Link(source=cadence.name, target=target, label=f"{step.step_id}{stays}")


def _joined(links: Sequence[Link]) -> Sequence[Link]:
    """Links between the same two as one, with all their labels."""
    labels: dict[tuple[str, str], list[str]] = {}
    for link in links:
        labels.setdefault((link.source, link.target), []).append(link.label)
    return [
        Link(source=source, target=target, label=", ".join(dict.fromkeys(said)))
        for (source, target), said in labels.items()
    ]
