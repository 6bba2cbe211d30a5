"""Liquid as cadences use it: strict, bounded, and without a clock.

Built on python-liquid, with these differences. An output that names a
value which the prospect lacks raises MissingVariable, unless it has a
`default`; blank counts as lacking, because a blank must never go out.
Tags and filters that read files, keep counters or know today's date are
gone.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, wraps
from typing import Any

from liquid import Environment, Mode, RenderContext
from liquid.builtin.expressions.primitive import Blank, Empty
from liquid.exceptions import LiquidError
from liquid.expression import Expression
from liquid.template import BoundTemplate
from liquid.token import Token
from liquid.undefined import FalsyStrictUndefined, Undefined

from cadenza.errors import MissingVariable
from cadenza.language.reporter import Reporter
from cadenza.language.source import Text, did_you_mean, listed

KNOWN_VARIABLES: Mapping[str, frozenset[str] | None] = {
    "prospect": None,
    "company": None,
    "subject": None,
    "segment": None,
    "party": None,
    "owner": frozenset({"name", "title", "phone", "email", "signature"}),
    "sender": frozenset({"name", "address", "signature"}),
    "organisation": frozenset({"name", "postal_address"}),
    "unsubscribe_url": frozenset(),
}
"""What templates may name: root → its attributes; None: any (what came with the prospect)."""

_INSTANCES = {
    "prospect": "first_name",
    "company": "name",
    "subject": "id",
    "segment": "region",
    "party": "name",
}

_BLOCKS = frozenset({"if", "unless", "case", "for", "capture", "comment"})
_TAGS = _BLOCKS | {"break", "continue", "assign", "#", "content", "output", "illegal"}
_FILTERS_LEFT_OUT = frozenset({"date", "safe", "escapejs"})
_ABSENT = object()


class Missing(FalsyStrictUndefined):
    """A value that is not there: false in conditions, replaced by `default`, else an error."""

    __slots__ = ()
    force_liquid_default = True

    def _raise(self, *_: object) -> Any:
        raise MissingVariable(str(object.__getattribute__(self, "name")))

    def __getattribute__(self, name: str) -> object:
        if name in FalsyStrictUndefined.allowed_properties:
            return object.__getattribute__(self, name)
        raise MissingVariable(str(object.__getattribute__(self, "name")))

    def __eq__(self, other: object) -> bool:
        return other is None or other is False or isinstance(other, Undefined)

    def __hash__(self) -> int:
        return hash(object.__getattribute__(self, "name"))

    __str__ = __contains__ = __getitem__ = __len__ = __iter__ = _raise
    __int__ = __reversed__ = __lt__ = __le__ = __gt__ = __ge__ = _raise


def is_blank(value: object) -> bool:
    """Whether there is nothing to show."""
    return value is None or (isinstance(value, str) and not value.strip())


class Context(RenderContext):
    """Treats blank values as missing, and knows the whole name of what is missing."""

    __slots__ = ()

    def get(self, path: list[object], *, token: Token | None, default: object = _ABSENT) -> object:
        """The value at `path`; `default`, or something Missing, if there is none or a blank."""
        found = super().get(path, token=token, default=_ABSENT)
        if found is not _ABSENT and not is_blank(found):
            return found
        if default is not _ABSENT:
            return default
        return Missing(".".join(str(part) for part in path), token=token)


class _Template(BoundTemplate):
    context_class = Context


class _Environment(Environment):
    template_class = _Template
    loop_iteration_limit = 1000
    output_stream_limit = 256 * 1024
    local_namespace_limit = 64 * 1024

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.tags = {name: tag for name, tag in self.tags.items() if name in _TAGS}
        self.filters = {
            name: function if name == "default" else _strict(function)
            for name, function in self.filters.items()
            if name not in _FILTERS_LEFT_OUT
        }

    def error(self, exc: Any, msg: str | None = None, token: Token | None = None) -> None:
        # Errors at the end of an expression have no position of their own;
        # the tag or output that they arose in does.
        if isinstance(exc, LiquidError) and token is not None and _position(exc) is None:
            exc.token = token
        super().error(exc, msg, token)


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Some filters read a missing value as nothing or 0; none shall."""

    @wraps(function)
    def filter_(*args: Any, **kwargs: Any) -> Any:
        for value in args:
            if isinstance(value, Missing):
                str(value)
        return function(*args, **kwargs)

    return filter_


@lru_cache(maxsize=2)
def environment(*, autoescape: bool) -> Environment:
    """The one environment of HTML templates, or of all others."""
    return _Environment(tolerance=Mode.STRICT, undefined=Missing, autoescape=autoescape)


def parse(text: Text, *, autoescape: bool, reporter: Reporter) -> BoundTemplate | None:
    """Parse and check a template: syntax, filters, names. None after reporting an error."""
    env = environment(autoescape=autoescape)
    try:
        template = env.from_string(text.value)
    except LiquidError as error:
        offset = _position(error)
        if offset is None:
            offset = _unclosed(env, text.value)
        reporter.problem(text.at(offset), f"this is not valid Liquid: {error.message}; {_MEND}")
        return None
    _check_names(template, text, reporter)
    _check_blanks(template, text, reporter)
    return template


def variables_of(template: BoundTemplate) -> frozenset[str]:
    """The names of the variables that a template uses, e.g. `owner.signature`."""
    found = template.analyze().globals.values()
    return frozenset(str(variable) for variables in found for variable in variables)


_MEND = "write {{ prospect.first_name }}, or {% if prospect.title %} … {% endif %}"


def _check_names(template: BoundTemplate, text: Text, reporter: Reporter) -> None:
    analysis = template.analyze()
    filters = template.env.filters
    for name, spans in analysis.filters.items():
        if name not in filters:
            reporter.problem(
                text.at(spans[0].index),
                f"there is no filter `{name}`{did_you_mean(name, filters)}",
            )
    for name, variables in analysis.locals.items():
        if name in KNOWN_VARIABLES:
            reporter.problem(
                text.at(variables[0].span.index),
                f"`{name}` is taken; choose another name for what you assign",
            )
    for variables in analysis.globals.values():
        for variable in variables:
            trouble = _trouble(variable.segments)
            if trouble:
                reporter.problem(text.at(variable.span.index), trouble, rule="unknown-variable")


def _check_blanks(template: BoundTemplate, text: Text, reporter: Reporter) -> None:
    # In python-liquid something undefined is neither blank nor empty, so the
    # usual `!= blank` would let exactly the missing values through.
    for expression in _expressions(template):
        if isinstance(expression, (Blank, Empty)):
            reporter.problem(
                text.at(max(0, expression.token.start_index)),
                f"`{expression.token.value}` is not known here, a blank value counts as missing; "
                "write `{% if prospect.title %}` or `{% unless prospect.title %}`",
            )


def _expressions(template: BoundTemplate) -> Iterator[Expression]:
    context = RenderContext(template)
    nodes = list(template.nodes)
    while nodes:
        node = nodes.pop()
        nodes.extend(node.children(context))
        expressions = list(node.expressions())
        while expressions:
            expression = expressions.pop()
            yield expression
            expressions.extend(expression.children())


def _trouble(segments: Any) -> str | None:
    root = str(segments[0])
    rest = [str(segment) for segment in segments[1:]]
    if root not in KNOWN_VARIABLES:
        return (
            f"nothing is called `{root}`{did_you_mean(root, KNOWN_VARIABLES)}; "
            f"templates know {listed(KNOWN_VARIABLES)}"
        )
    attributes = KNOWN_VARIABLES[root]
    if attributes is None:
        return None if rest else f"say which field, for instance `{root}.{_INSTANCES[root]}`"
    if not attributes:
        return f"`{root}` has no parts; write `{{{{ {root} }}}}`" if rest else None
    if not rest or rest[0] not in attributes:
        guess = did_you_mean(rest[0], attributes) if rest else ""
        return (
            f"`{root}` has no part `{'.'.join(rest)}`{guess}; it has {listed(sorted(attributes))}"
        )
    return None


def _position(error: LiquidError) -> int | None:
    token = error.token
    return None if token is None or token.start_index < 0 else token.start_index


def _unclosed(env: Environment, source: str) -> int:
    """Where the innermost block begins that is never closed."""
    opened: list[int] = [0]
    for token in env.tokenizer()(source):
        if token.kind == "tag" and token.value in _BLOCKS:
            opened.append(token.start_index)
        elif token.kind == "tag" and token.value.startswith("end") and len(opened) > 1:
            opened.pop()
    return opened[-1]
