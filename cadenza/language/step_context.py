"""What a step type may use while it is parsed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cadenza.abc import StepType
from cadenza.calendar import Days
from cadenza.language.email_template import EmailTemplate, compile_email
from cadenza.language.source import Place, Reporter, Text, did_you_mean
from cadenza.language.template import Template, compile_template

if TYPE_CHECKING:
    from cadenza.steps.email import EmailStep

TEMPLATE_FOLDER = "templates"
TEMPLATE_ENDINGS = (".liquid", ".html.liquid")


KnownSteps = Mapping[str, StepType | None]
"""Every step by id; None for one that was reported."""

Check = Callable[[KnownSteps], None]
"""Something to check, and report, once all steps are known."""


def template_paths(cadence: str, name: str) -> list[str]:
    """Where the mail template `name` may lie: the cadence's own folder first, then the shared."""
    folders = (f"{TEMPLATE_FOLDER}/{cadence}", TEMPLATE_FOLDER)
    return [f"{folder}/{name}{ending}" for folder in folders for ending in TEMPLATE_ENDINGS]


def unknown_step(step: str, steps: KnownSteps) -> str:
    """The message about a step that is named and does not exist."""
    return f"there is no step `{step}`{did_you_mean(step, steps)}"


@dataclass(kw_only=True)
class ParseContext:
    """What is known of the cadence while its steps are parsed, one after the other.

    files: the sources. emails: the mails so far, in order; broken_emails:
    those that were reported. checks: what remains to be checked.
    """

    cadence: str
    days: Days
    service: bool
    files: Mapping[str, str]
    reporter: Reporter
    emails: "dict[str, EmailStep]" = field(default_factory=dict)
    broken_emails: set[str] = field(default_factory=set)
    checks: list[Check] = field(default_factory=list)
    _templates: dict[str, EmailTemplate | None] = field(default_factory=dict)

    def cite(self, step: Text) -> str:
        """The step that is named here; reported later if it does not exist."""

        def check(steps: KnownSteps) -> None:
            if step.value not in steps:
                self.reporter.problem(step.place, unknown_step(step.value, steps))

        self.checks.append(check)
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
