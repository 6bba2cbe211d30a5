"""Which values a Liquid template needs, and which it shows whatever a prospect lacks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from liquid import BoundTemplate
from liquid.ast import BlockNode, ConditionalBlockNode, Node
from liquid.builtin.expressions import (
    BooleanExpression,
    Filter,
    FilteredExpression,
    Literal,
    Path,
)
from liquid.builtin.expressions.logical import (
    EqExpression,
    LogicalAndExpression,
    LogicalOrExpression,
)
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.case_tag import CaseNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.expression import Expression

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Need:
    """One output that comes out only if one of `names` has a value. offset: of its braces."""

    names: Sequence[str]
    offset: int


def needs(template: BoundTemplate) -> Sequence[Need]:
    """What a template shows without a fallback and without having asked for it first."""
    own = set(template.analyze().locals)
    found = _needs(template.nodes, _NONE)
    return [need for need in found if not {n.partition(".")[0] for n in need.names} & own]


def always_shows(template: BoundTemplate, name: str) -> bool:
    """Whether the value called `name` is shown on every way through the template."""
    return _always(template.nodes, name)


def _needs(nodes: Sequence[Node], given: frozenset[str]) -> Iterator[Need]:
    for node in nodes:
        match node:
            case OutputNode():
                yield from _of_output(node, given)
            case IfNode():
                yield from _needs([node.consequence], given | _granted(node.condition))
                yield from _needs(_others(node), given)
            case UnlessNode():
                yield from _needs([node.consequence], given)
                yield from _needs(_others(node), given | _granted(node.condition))
            case ConditionalBlockNode():
                yield from _needs([node.block], given | _granted(node.expression))
            case BlockNode():
                yield from _needs(node.nodes, given)
            case CaseNode():
                asked = _granted(node.expression)
                yield from _needs([b for b in node.blocks if not isinstance(b, BlockNode)], asked)
                yield from _needs([b for b in node.blocks if isinstance(b, BlockNode)], given)
            case _ if hasattr(node, "block"):
                yield from _needs([node.block], given)


def _others(node: IfNode | UnlessNode) -> Sequence[Node]:
    return [*node.alternatives, *([node.default] if node.default else [])]


def _of_output(node: OutputNode, given: frozenset[str]) -> Iterator[Need]:
    expression = node.expression
    if not isinstance(expression, FilteredExpression):
        return
    names: list[str] | None = _named(expression.left)
    for filter_ in expression.filters or []:
        if filter_.name != "default":
            break  # no other filter takes a value that is missing
        names = _with_default(names, filter_)
    if names and not given.intersection(names):
        yield Need(names=names, offset=max(0, node.token.start_index))


def _with_default(names: list[str] | None, default: Filter) -> list[str] | None:
    """The names of which one will do; None: there is something to show whatever is missing."""
    values = [argument.value for argument in default.args]
    if names is None or not values or isinstance(values[0], Literal):
        return None
    instead = _named(values[0])
    return None if instead is None else names + instead


def _named(expression: Expression) -> list[str] | None:
    if isinstance(expression, Path) and all(isinstance(part, str) for part in expression.path):
        return [".".join(str(part) for part in expression.path)]
    return None


def _granted(condition: Expression) -> frozenset[str]:
    """The names that surely have a value where a condition holds."""
    found: frozenset[str] = _NONE
    match condition:
        case BooleanExpression():
            found = _granted(condition.expression)
        case LogicalAndExpression():
            found = _granted(condition.left) | _granted(condition.right)
        case LogicalOrExpression():
            found = _granted(condition.left) & _granted(condition.right)
        case EqExpression() if isinstance(condition.right, Literal):
            found = _granted(condition.left)
        case FilteredExpression() if not condition.filters:
            found = _granted(condition.left)
        case Path():
            found = frozenset(_named(condition) or ())
    return found


def _always(nodes: Sequence[Node], name: str) -> bool:
    return any(_surely(node, name) for node in nodes)


def _surely(node: Node, name: str) -> bool:
    match node:
        case OutputNode():
            expression = node.expression
            return isinstance(expression, FilteredExpression) and name in (
                _named(expression.left) or ()
            )
        case IfNode() | UnlessNode():
            ways = [node.consequence, *_others(node)]
            return node.default is not None and all(_surely(way, name) for way in ways)
        case ConditionalBlockNode():
            return _surely(node.block, name)
        case BlockNode():
            return _always(node.nodes, name)
    return False
