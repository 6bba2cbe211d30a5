"""What a step type may use while it is parsed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cadenza.calendars import Days
from cadenza.language.email_template import EmailTemplate, compile_email
from cadenza.language.fields import Fields
from cadenza.language.known import TOP, Check, Nest, Vocabulary, way_check
from cadenza.language.localized import Words, take_words
from cadenza.language.partials import Partials, without_renders
from cadenza.language.reporter import Reporter
from cadenza.language.source import Place, Text, did_you_mean
from cadenza.language.template import Template, compile_template
from cadenza.language.variants import PLAIN, Variant, Variants, files_of, template_file

if TYPE_CHECKING:
    from cadenza.steps.email import EmailStep

TEMPLATE_FOLDER = "templates"
TEMPLATE_ENDINGS = (".liquid", ".html.liquid")


ReadSteps = Callable[[Fields, str, Nest], str | None]
"""Reads the steps under a key; returns the first of them."""


def template_folders(cadence: str) -> Sequence[str]:
    """Where mail templates lie: the cadence's own folder first, then the shared one."""
    return (f"{TEMPLATE_FOLDER}/{cadence}", TEMPLATE_FOLDER)


def template_paths(cadence: str, name: str) -> list[str]:
    """Where the mail template `name` may lie, if it has no variants."""
    folders = template_folders(cadence)
    return [f"{folder}/{name}{ending}" for folder in folders for ending in TEMPLATE_ENDINGS]


@dataclass(kw_only=True)
class ParseContext:
    """What is known of the cadence while its steps are parsed, one after the other.

    files: the sources. emails: the mails so far by the name of their step,
    in order, more than one for variants; broken_emails: those that were
    reported. checks: what remains to be checked. locale:
    the language of texts without one of their own. read_steps: reads a
    list of steps inside a step.
    """

    cadence: str
    days: Days
    service: bool
    files: Mapping[str, str]
    reporter: Reporter
    emails: "dict[str, list[EmailStep]]" = field(default_factory=dict)
    broken_emails: set[str] = field(default_factory=set)
    checks: list[Check] = field(default_factory=list)
    locale: str = "en"
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    read_steps: ReadSteps | None = None
    _templates: dict[str, Variants[EmailTemplate] | None] = field(default_factory=dict)
    _partials: Partials | None = None

    def cite(self, step: Text, nest: Nest = TOP) -> str | None:
        """The step that is named here; what is wrong with it is reported later.

        nest: where the step stands that names it. None: the lane ends there,
        because the step that runs it is named.
        """

        self.checks.append(way_check(step, nest, self.reporter))
        return None if step.value == nest.parallel else step.value

    @property
    def partials(self) -> Partials:
        """The partials that templates of this cadence may name."""
        if self._partials is None:
            self._partials = Partials(
                cadence=self.cadence, files=self.files, locale=self.locale, reporter=self.reporter
            )
        return self._partials

    def template(self, text: Text, variant: Variant = PLAIN) -> Template | None:
        """Compile a template that stands in the cadence file itself."""
        compiled = compile_template(without_renders(text), autoescape=False, reporter=self.reporter)
        whole = self.partials.expand(text, variant, "plain")
        if compiled is None or whole is None or whole == text.value:
            return compiled if whole is not None else None
        made = Text(value=whole, place=text.place)
        return compile_template(made, autoescape=False, reporter=self.reporter)

    def texts(self, by_language: Mapping[str, Text]) -> Variants[Template] | None:
        """Compile a text of the cadence file that is said in several languages.

        by_language: language tag → text; "" for a text without a language.
        None after reporting what is wrong.
        """
        compiled = {
            (variant := Variant(locale.replace("_", "-").lower())): self.template(text, variant)
            for locale, text in by_language.items()
        }
        whole = {variant: made for variant, made in compiled.items() if made is not None}
        if not whole or len(whole) < len(compiled):
            return None
        return Variants(whole, locale=self.locale)

    def email_template(self, name: Text) -> Variants[EmailTemplate] | None:
        """The compiled mail template `name`, all its variants; None after reporting problems."""
        if name.value not in self._templates:
            self._templates[name.value] = self._compile_variants(name)
        return self._templates[name.value]

    def _compile_variants(self, name: Text) -> Variants[EmailTemplate] | None:
        paths = template_paths(self.cadence, name.value)
        folders = (f"{TEMPLATE_FOLDER}/{self.cadence}", TEMPLATE_FOLDER)
        files = files_of(self.files, folders, name.value)
        if not files:
            known = {
                file.name
                for path in self.files
                for folder in folders
                if path.startswith(f"{folder}/")
                and (file := template_file(path.removeprefix(f"{folder}/")))
            }
            self.reporter.problem(
                name.place,
                f"there is no template `{name.value}`{did_you_mean(name.value, known)}; "
                f"write it in `{paths[0]}` or `{paths[2]}`",
                rule="missing-template",
            )
            return None
        compiled = {
            variant: compile_email(
                file,
                self.files[file],
                service=self.service,
                reporter=self.reporter,
                partials=self.partials,
                variant=variant,
            )
            for variant, file in files.items()
        }
        whole = {variant: made for variant, made in compiled.items() if made is not None}
        return Variants(whole, locale=self.locale) if len(whole) == len(compiled) else None


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """What one step is given to parse itself: its id and place, and the cadence so far.

    nest: the list that it stands in. written_as: the step of which it is a
    variant; None: of none.
    """

    step_id: str
    place: Place
    cadence: ParseContext
    nest: Nest = TOP
    written_as: str | None = None

    @property
    def days(self) -> Days:
        """How the cadence counts days."""
        return self.cadence.days

    @property
    def name(self) -> str:
        """What the step is called in the file; `step_id` but for variants."""
        return self.written_as or self.step_id

    def words(self, fields: Fields, key: str) -> Words | None:
        """The text under `key`, one or one per language; None if there is none or a wrong one."""
        return take_words(fields, key, self.cadence)

    def go(self, step: Text) -> str | None:
        """The step that is named here; None: the lane in which this step stands ends there."""
        return self.cadence.cite(step, self.nest)

    def go_on(self, step: Text) -> str | None:
        """The step that is named here, which cannot be the end of a lane."""
        target = self.go(step)
        if target is None:
            self.cadence.reporter.problem(
                step.place, "name a step of the lane here; a branch behind it may end the lane"
            )
        return target

    def check(self, check: Check) -> None:
        """Look at something once the whole file is read."""
        self.cadence.checks.append(check)

    def nested(self, fields: Fields, key: str, *, lane: str | None = None) -> str | None:
        """Read the list of steps under `key` as steps inside this one.

        lane: the lane that they make up; None: they lead back to this step.
        Returns the first of them; None after reporting what is wrong.
        """
        if self.cadence.read_steps is None:
            raise AssertionError("nothing reads lists of steps here")
        around = (*self.nest.around, self.step_id)
        if lane is None:
            nest = Nest(around=around, lane=self.nest.lane, parallel=self.nest.parallel)
        else:
            nest = Nest(around=around, lane=lane, parallel=self.step_id)
        return self.cadence.read_steps(fields, key, nest)
