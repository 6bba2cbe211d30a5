"""A sales mail always shows its postal address and a way to unsubscribe."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from cadenza.authoring.lint.liquid_use import always_shows
from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.language.email_template import EmailTemplate
from cadenza.steps.email import EmailStep

_MUSTS = {
    "unsubscribe_url": "the link to unsubscribe",
    "organisation.postal_address": "the postal address",
}


class EmailFooter(LintRule):
    """Looks for both in the text part, which holds what a reader of the mail sees.

    They are added by themselves where a template does not use them. One
    that does, but hides them in a comment or shows them under a condition,
    sends mails without (CAN-SPAM Act §5(a)(3) and (5); RFC 8058 covers the
    header alone).
    """

    name: ClassVar[str] = "email-footer"
    level: ClassVar[Level] = "error"
    summary: ClassVar[str] = "a sales mail without postal address or link to unsubscribe"

    def check(self, case: Case) -> Sequence[Finding]:
        if case.cadence.service:
            return ()
        found = list(self._organisation(case))
        templates: dict[str, EmailTemplate] = {}
        for step in case.cadence.steps.values():
            if isinstance(step, EmailStep):
                templates.update({t.place.file: t for t in step.template.every.values()})
        for template in templates.values():
            for name, what in _MUSTS.items():
                if not always_shows(template.text.parsed, name):
                    found.append(
                        self.finding(
                            template.place,
                            f"this mail uses `{name}` where readers do not always see it; show "
                            f"{what} outside of conditions, comments and hidden parts, or leave "
                            "it out of the template and it is added by itself",
                        )
                    )
        return found

    def _organisation(self, case: Case) -> Iterator[Finding]:
        if case.accounts is not None and not case.accounts.organisation.postal_address.strip():
            yield self.finding(
                case.written.top("cadence"),
                "the accounts file has no postal address for the organisation, and every sales "
                "mail has to show one; fill in `postal_address`",
            )
