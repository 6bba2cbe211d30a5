"""Partials: pieces of text that several templates share, by `{% render 'name' %}`.

They are put in place when a cadence is compiled, before the markup around
them becomes HTML and text; so a partial may hold paragraphs, lists and
links. A partial knows the same variables as every template, and nothing
that the template around it assigned.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cadenza.language.liquid import parse
from cadenza.language.markup import check_links, to_html
from cadenza.language.reporter import Reporter
from cadenza.language.source import Place, Text, did_you_mean
from cadenza.language.variants import Audience, Variant, Variants, files_of, template_file

MOST_LEVELS = 8
MOST_CHARACTERS = 256 * 1024

_TAG = re.compile(r"\{%-?\s*(?P<word>render)\b(?P<rest>.*?)-?%\}", re.DOTALL)
_CITED = re.compile(r"""\s*(?P<quote>['"])(?P<name>[a-z0-9][a-z0-9_-]*)(?P=quote)\s*""")
_LONELY = re.compile(r"[ \t]*")

Kind = Literal["markup", "html", "plain"]
"""What a partial is put into: light markup, HTML, or a text without markup."""


def partial_folders(cadence: str) -> Sequence[str]:
    """Where partials lie: the cadence's own folder first, then the shared one."""
    return (f"templates/{cadence}/partials", "templates/partials")


def cited_partials(source: str) -> Sequence[str]:
    """The names of the partials that a template names, in order."""
    found = (_CITED.fullmatch(tag["rest"]) for tag in _TAG.finditer(source))
    return list(dict.fromkeys(match["name"] for match in found if match))


def without_renders(text: Text) -> Text:
    """`text` with its `render` tags turned into comments of the same length, places kept."""
    value = _TAG.sub(_masked, text.value)
    return Text(value=value, place=text.place, verbatim=text.verbatim)


def _masked(tag: re.Match[str]) -> str:
    start = tag.start("word") - tag.start()
    return f"{tag[0][:start]}#{tag[0][start + 1 :]}"


@dataclass
class Partials:
    """The partials of one cadence. files: its sources. locale: of texts without a language."""

    cadence: str
    files: Mapping[str, str]
    locale: str
    reporter: Reporter
    _checked: set[str] = field(default_factory=set)

    def expand(self, text: Text, variant: Variant, kind: Kind) -> str | None:
        """`text` with its partials in place; None after reporting what is wrong.

        variant: of the template that `text` stands in; its partials are
        those for the same language and region, or the nearest there are.
        """
        if "render" not in text.value:
            return text.value
        return self._expand(text, variant, kind, level=1)

    def _expand(self, text: Text, variant: Variant, kind: Kind, *, level: int) -> str | None:
        if level > MOST_LEVELS:
            self.reporter.problem(
                text.place,
                f"partials are nested deeper than {MOST_LEVELS} levels here; "
                "does one name itself, perhaps through another?",
            )
            return None
        written: list[str] = []
        end, whole = 0, True
        for tag in _TAG.finditer(text.value):
            piece = self._piece(tag, text, variant, kind, level)
            if piece is None:
                whole = False
                continue
            before = text.value[end : tag.start()]
            written += [before.rstrip() if tag[0].startswith("{%-") else before, piece]
            end = tag.end()
            if tag[0].endswith("-%}"):
                end += len(text.value[end:]) - len(text.value[end:].lstrip())
        written.append(text.value[end:])
        expanded = "".join(written)
        if whole and len(expanded) > MOST_CHARACTERS:
            self.reporter.problem(
                text.place, f"with its partials this has over {MOST_CHARACTERS} characters"
            )
            return None
        return expanded if whole else None

    def _piece(
        self, tag: re.Match[str], text: Text, variant: Variant, kind: Kind, level: int
    ) -> str | None:
        cited = _CITED.fullmatch(tag["rest"])
        place = text.at(tag.start("word"))
        if cited is None:
            self.reporter.problem(
                place,
                "write `{% render 'name' %}`: the name of a partial in quotes and nothing else; "
                "a partial knows the same variables as the template around it",
            )
            return None
        path = self._find(cited["name"], variant, kind, place)
        if path is None:
            return None
        partial = Text(
            value=self.files[path].strip("\n").rstrip(),
            place=Place(file=path, line=1 + _blank_lines(self.files[path]), column=1),
            verbatim=True,
        )
        is_html = path.endswith(".html.liquid")
        if not self._is_right(path, partial, is_html=is_html):
            return None
        inner: Kind = "plain" if kind == "plain" else "html" if is_html else "markup"
        expanded = self._expand(partial, variant, inner, level=level + 1)
        if expanded is None:
            return None
        if kind == "html" and not is_html:
            return to_html(expanded)
        # On a line of its own it stands between the paragraphs, as tags do.
        return f"\n{expanded}\n" if kind == "markup" and _is_alone(tag, text.value) else expanded

    def _find(self, name: str, variant: Variant, kind: Kind, place: Place) -> str | None:
        folders = partial_folders(self.cadence)
        found = files_of(self.files, folders, name)
        if kind == "html":
            found = {v: _in_html(path, self.files) for v, path in found.items()}
        else:
            found = {v: path for v, path in found.items() if not path.endswith(".html.liquid")}
        if found:
            audience = Audience(locale=variant.locale or None, region=variant.region or None)
            return Variants(found, locale=self.locale).choose(audience)[1]
        known = {
            file.name
            for path in self.files
            for folder in folders
            if path.startswith(f"{folder}/")
            and (file := template_file(path.removeprefix(f"{folder}/")))
        }
        self.reporter.problem(
            place,
            f"there is no partial `{name}`{did_you_mean(name, known)}; "
            f"write it in `{folders[0]}/{name}.liquid` or `{folders[1]}/{name}.liquid`",
            rule="missing-template",
        )
        return None

    def _is_right(self, path: str, partial: Text, *, is_html: bool) -> bool:
        """Check a partial for itself, once: so it cannot lean on what stands around it."""
        if path in self._checked:
            return True
        self._checked.add(path)
        before = len(self.reporter.problems)
        parse(without_renders(partial), autoescape=False, reporter=self.reporter)
        if not is_html:
            check_links(partial, self.reporter)
        return len(self.reporter.problems) == before


def _in_html(path: str, files: Mapping[str, str]) -> str:
    """Of a partial that exists as markup and as HTML, a page of HTML takes the latter."""
    html = f"{path.removesuffix('.html.liquid').removesuffix('.liquid')}.html.liquid"
    return html if html in files else path


def _blank_lines(source: str) -> int:
    return len(source) - len(source.lstrip("\n"))


def _is_alone(tag: re.Match[str], value: str) -> bool:
    line_start = value.rfind("\n", 0, tag.start()) + 1
    line_end = value.find("\n", tag.end())
    rest = value[tag.end() :] if line_end < 0 else value[tag.end() : line_end]
    return bool(_LONELY.fullmatch(value[line_start : tag.start()]) and _LONELY.fullmatch(rest))
