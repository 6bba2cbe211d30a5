"""What a step type may use while it is parsed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cadenza.calendar import Days
from cadenza.language.email_template import EmailTemplate, compile_email
from cadenza.language.source import Place, Reporter, Text, did_you_mean
from cadenza.language.template import Template, compile_template

if TYPE_CHECKING:
    from cadenza.steps.email import EmailStep

TEMPLATE_FOLDER = "templates"
TEMPLATE_ENDINGS = (".liquid", ".html.liquid")


@dataclass(frozen=True, kw_only=True)
class Cited:
    """A step that another one names; checked when all steps are known."""

    step_id: str
    place: Place


def template_paths(cadence: str, name: str) -> list[str]:
    """Where the mail template `name` may lie: the cadence's own folder first, then the shared."""
    folders = (f"{TEMPLATE_FOLDER}/{cadence}", TEMPLATE_FOLDER)
    return [f"{folder}/{name}{ending}" for folder in folders for ending in TEMPLATE_ENDINGS]


@dataclass(kw_only=True)
class ParseContext:
    """What is known of the cadence while its steps are parsed, one after the other.

    files: the sources. emails: the mails so far, in order. cited: the steps
    named so far.
    """

    cadence: str
    days: Days
    service: bool
    files: Mapping[str, str]
    reporter: Reporter
    emails: "dict[str, EmailStep]" = field(default_factory=dict)
    cited: list[Cited] = field(default_factory=list)
    _templates: dict[str, EmailTemplate | None] = field(default_factory=dict)

    def cite(self, step: Text) -> str:
        """Note that another step is named here."""
        self.cited.append(Cited(step_id=step.value, place=step.place))
        return step.value

    def template(self, text: Text) -> Template | None:
        """Compile a template that stands in the cadence file itself."""
        return compile_template(text, autoescape=False, reporter=self.reporter)

    def email_template(self, name: Text) -> EmailTemplate | None:
        """The compiled mail template `name`; None after reporting what is wrong with it."""
        paths = template_paths(self.cadence, name.value)
        file = next((path for path in paths if path in self.files), None)
        if file is None:
            known = {path.rsplit("/", 1)[-1].split(".")[0] for path in self.files}
            self.reporter.problem(
                name.place,
                f"there is no template `{name.value}`{did_you_mean(name.value, known)}; "
                f"write it in `{paths[0]}` or `{paths[2]}`",
            )
            return None
        if file not in self._templates:
            self._templates[file] = compile_email(
                file, self.files[file], service=self.service, reporter=self.reporter
            )
        return self._templates[file]


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """What one step is given to parse itself: its id and place, and the cadence so far."""

    step_id: str
    place: Place
    cadence: ParseContext

    @property
    def days(self) -> Days:
        """How the cadence counts days."""
        return self.cadence.days
