"""A cadence that speaks several languages speaks them throughout."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from ruamel.yaml.nodes import MappingNode

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.language.localized import is_locale
from cadenza.language.source import Place
from cadenza.language.variants import template_file
from cadenza.language.written import Written

_FOLDER = "templates/"


class MissingTranslation(LintRule):
    """Compares the languages of the mails and texts; dialects count as their language.

    Whoever gets the first mail in French and the second in English knows
    that nobody wrote to them.
    """

    name: ClassVar[str] = "missing-translation"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "a text that lacks a language which others have"

    def check(self, case: Case) -> Sequence[Finding]:
        texts = [*_mails(case), *_inline(case.written)]
        every = {_language(case.cadence.locale)}.union(*(languages for _, _, languages in texts))
        found = []
        for what, place, languages in texts:
            missing = sorted(every - languages - {_language(case.cadence.locale)})
            if missing:
                found.append(
                    self.finding(
                        place,
                        f"{what} has no text in `{missing[0]}`, which other touches have; "
                        + _mend(what, missing[0]),
                    )
                )
        return found


def _mend(what: str, language: str) -> str:
    if what.startswith("`templates/"):
        file = what.strip("`").replace(".html.liquid", ".liquid").removesuffix(".liquid")
        return f"write it in `{file}.{language}.liquid`"
    return f"write one text per language, with `{language}: …` among them"


def _language(locale: str) -> str:
    return locale.lower().partition("-")[0]


def _mails(case: Case) -> Iterator[tuple[str, Place, set[str]]]:
    """The plain file of each mail template, and the languages that there are of it."""
    languages: dict[str, set[str]] = {}
    plain: dict[str, str] = {}
    for file in sorted(case.sources):
        folder, _, name = file.rpartition("/")
        parsed = template_file(name) if file.startswith(_FOLDER) else None
        if parsed is None or folder.endswith("/partials"):
            continue
        key = f"{folder}/{parsed.name}"
        plain.setdefault(key, file)
        languages.setdefault(key, set()).add(
            _language(parsed.variant.locale or case.cadence.locale)
        )
    for key, file in plain.items():
        yield f"`{file}`", Place(file=file, line=1, column=1), languages[key]


def _inline(written: Written) -> Iterator[tuple[str, Place, set[str]]]:
    """What text messages and social touches say in the cadence file."""
    for step in written.steps.values():
        for key in ("sms", "text", "subject"):
            node = step.keys.get(key)
            if node is None:
                continue
            place = written.place(step.step_id, key)
            names = [str(n.value) for n, _ in node.value] if isinstance(node, MappingNode) else []
            if names and all(is_locale(name) for name in names):
                yield f"`{key}` of `{step.step_id}`", place, {_language(n) for n in names}
            elif not isinstance(node, MappingNode):
                yield f"`{key}` of `{step.step_id}`", place, set()
