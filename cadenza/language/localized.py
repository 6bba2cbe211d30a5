"""Texts that stand in the cadence file: one, or one per language."""

import re
from typing import TYPE_CHECKING

from cadenza.language.fields import Fields
from cadenza.language.source import Text, listed
from cadenza.language.template import Template, Variables
from cadenza.language.variants import Audience, Variants, languages

if TYPE_CHECKING:
    from cadenza.language.step_context import ParseContext

MOST_LANGUAGES = 50

_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


class LocalizedTemplate:
    """One text in several languages. It is filled in the language of whom it is for.

    variables: the names of all that any of them uses.
    """

    def __init__(self, variants: Variants[Template]) -> None:
        self.variants = variants
        every = variants.every.values()
        self.variables = frozenset(name for text in every for name in text.variables)

    def render(self, variables: Variables) -> str:
        """Fill the one that fits. Raises MissingVariable, RenderError."""
        _, template = self.variants.choose(Audience(locale=_locale(variables)))
        return template.render(variables)


Words = Template | LocalizedTemplate
"""A compiled text of either kind."""


def _locale(variables: Variables) -> str | None:
    """The language of whom a text is for: another party of the subject, or the prospect.

    None, which is the cadence's own, for a party of whom none is known.
    """
    whose = variables.get("party") or variables.get("prospect") or {}
    return whose.get("locale") or None


def is_locale(text: str) -> bool:
    """Whether `text` looks like a language tag: `fr`, `fr-CA` (BCP 47)."""
    return bool(_LOCALE.fullmatch(text))


def take_words(fields: Fields, key: str, context: "ParseContext") -> Words | None:
    """The text under `key`; None if there is none, or a wrong one, which is then reported."""
    if not fields.is_mapping(key):
        text = fields.text(key)
        return context.template(text) if text else None
    by_language = fields.mapping(key)
    return take_languages(by_language, key, context) if by_language else None


def take_languages(fields: Fields, key: str, context: "ParseContext") -> Words | None:
    """One text per language, out of a mapping. key: names it in messages."""
    names = [*fields.keys()]
    for name in names:
        if not is_locale(name):
            fields.reporter.problem(
                fields.key_place(name),
                f"`{name}` is no language; write one text, or one per language, "
                f'such as `{key}: {{en: "…", fr: "…"}}`',
            )
            return None
    if len(names) > MOST_LANGUAGES:
        fields.reporter.problem(fields.place, f"a text has at most {MOST_LANGUAGES} languages")
        return None
    if not {name.lower() for name in names} & {*languages(context.locale)}:
        has = listed(names).replace(" or ", " and ") if names else "nothing"
        fields.reporter.problem(
            fields.place,
            f"`{key}` has {has}, but not `{context.locale}`, the language of the cadence; "
            "add it, or change `locale`",
        )
        return None
    texts: dict[str, Text] = {name: text for name in names if (text := fields.text(name))}
    variants = context.texts(texts) if len(texts) == len(names) else None
    return LocalizedTemplate(variants) if variants else None
