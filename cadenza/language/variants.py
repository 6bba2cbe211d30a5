"""Variants of a text by language and region, and which of them somebody gets.

A mail template `hello.liquid` may have variants beside it: `hello.fr.liquid`,
`hello.fr-CA.liquid`, `hello.@emea.liquid`, `hello.fr.@emea.liquid`. The file
without a suffix is in the cadence's own language.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_FILE = re.compile(
    r"(?P<name>(?:[a-z0-9][a-z0-9_-]*/)?[a-z0-9][a-z0-9_-]*)"
    r"(?:\.(?P<locale>[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*))?"
    r"(?:\.@(?P<region>[a-z0-9][a-z0-9-]*))?"
    r"(?P<ending>\.html\.liquid|\.liquid)"
)
_NOT_IN_A_SLUG = re.compile(r"[^a-z0-9]+")
_MOST_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a text is for.

    locale: BCP 47, e.g. `fr-CA`. region: what the cadence's segment called
    `region` says of them, e.g. `EMEA`. None: not known.
    """

    locale: str | None = None
    region: str | None = None


ANYBODY = Audience()


@dataclass(frozen=True, slots=True, order=True)
class Variant:
    """What tells a variant from its siblings: lower-cased language tag and region, or empty."""

    locale: str = ""
    region: str = ""

    def __str__(self) -> str:
        region = f"@{self.region}" if self.region else ""
        return ".".join(part for part in (self.locale, region) if part)


PLAIN = Variant()


@dataclass(frozen=True, kw_only=True)
class TemplateFile:
    """What the name of a template file says. ending: `.liquid` or `.html.liquid`."""

    name: str
    variant: Variant
    ending: str


def template_file(path: str) -> TemplateFile | None:
    """Read a file's name, without the folder of templates; None: it is no template's."""
    match = _FILE.fullmatch(path)
    if match is None:
        return None
    variant = Variant(locale=(match["locale"] or "").lower(), region=match["region"] or "")
    return TemplateFile(name=match["name"], variant=variant, ending=match["ending"])


def name_meant(path: str) -> str | None:
    """The name that was meant by one that is no template's: `a.@North America.liquid` …

    → `a.@north-america.liquid`. None: it cannot be told.
    """
    name, *suffixes = path.split(".")
    mended = (f"@{region_slug(s[1:])}" if s.startswith("@") else s for s in suffixes)
    meant = ".".join((name.lower(), *mended))
    return meant if template_file(meant) else None


def files_of(paths: Iterable[str], folders: Sequence[str], name: str) -> Mapping[Variant, str]:
    """The variants of the template `name` among `paths`, by file.

    The first of `folders` that has any of them gives them all: a text of
    one folder is no translation of one in another. Of two endings for one
    variant `.liquid` wins. Empty: there is no such template.
    """
    known = sorted(paths)
    for folder in folders:
        found: dict[Variant, str] = {}
        for path in known:
            if not path.startswith(f"{folder}/"):
                continue
            file = template_file(path.removeprefix(f"{folder}/"))
            if file is None or file.name != name:
                continue
            if file.variant not in found or file.ending == ".liquid":
                found[file.variant] = path
        if found:
            return found
    return {}


def region_slug(name: str) -> str:
    """A region's name as files write it: `North America` → `north-america`."""
    return _NOT_IN_A_SLUG.sub("-", name.lower()).strip("-")


def languages(locale: str | None) -> Iterator[str]:
    """`fr-CA` → `fr-ca`, `fr`: ever less exact (RFC 4647 §3.4, lookup)."""
    tag = (locale or "").replace("_", "-").lower()
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]


class Variants(Generic[T]):
    """The variants of one text; at least one. Immutable, shared by all enrollments.

    locale: the language of the one without a suffix.
    """

    def __init__(self, by_variant: Mapping[Variant, T], *, locale: str) -> None:
        if not by_variant:
            raise ValueError("a text has at least one variant")
        self._by_variant = dict(sorted(by_variant.items()))
        self._locale = locale
        self._only = next(iter(self._by_variant)) if len(self._by_variant) == 1 else None
        self._chosen: dict[Audience, Variant] = {}

    @classmethod
    def of_one(cls, text: T, *, locale: str = "en") -> "Variants[T]":
        """A text that everybody gets."""
        return cls({PLAIN: text}, locale=locale)

    @property
    def every(self) -> Mapping[Variant, T]:
        """All variants, the plain one first."""
        return self._by_variant

    def choose(self, audience: Audience) -> tuple[Variant, T]:
        """The variant for somebody, and which it is.

        Looked for in this order: the languages of their locale, the most
        exact first (`fr-CA`, `fr`), then the cadence's own, then the file
        without a language; for each of these first with their region, then
        without. Whatever is left if none fits: the first of all.
        """
        if self._only is not None:
            return self._only, self._by_variant[self._only]
        variant = self._chosen.get(audience)
        if variant is None:
            variant = self._look_up(audience)
            if len(self._chosen) < _MOST_REMEMBERED:
                self._chosen[audience] = variant
        return variant, self._by_variant[variant]

    def _look_up(self, audience: Audience) -> Variant:
        region = region_slug(audience.region or "")
        for locale in (*languages(audience.locale), *languages(self._locale), ""):
            for variant in (Variant(locale, region), Variant(locale, "")):
                if variant in self._by_variant:
                    return variant
        return next(iter(self._by_variant))
