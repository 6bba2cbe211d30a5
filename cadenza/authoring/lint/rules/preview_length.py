"""A preview, and one that mailboxes show whole."""

from collections.abc import Sequence
from typing import ClassVar

from cadenza.authoring.lint.filled import filled
from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.language.email_template import one_line
from cadenza.language.written import MailSource

MOST_CHARACTERS = 90
"""What most mailboxes show beside a subject."""


class PreviewLength(LintRule):
    """Fills each preview with usual values and counts; asks for one where there is none."""

    name: ClassVar[str] = "preview-length"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "a mail without a preview, or one of more than 90 characters"

    def check(self, case: Case) -> Sequence[Finding]:
        return [
            finding
            for mail in case.written.mails
            if not mail.is_partial
            for finding in self._of(mail)
        ]

    def _of(self, mail: MailSource) -> Sequence[Finding]:
        if mail.preview is None:
            return [
                self.finding(
                    mail.place,
                    "this mail has no preview, so mailboxes show its first words; write "
                    f"`preview: …` below the first `---`, at most {MOST_CHARACTERS} characters",
                )
            ]
        length = len(one_line(filled(mail.preview)))
        if length <= MOST_CHARACTERS:
            return []
        return [
            self.finding(
                mail.preview.place,
                f"this preview has about {length} characters, of which mailboxes show "
                f"{MOST_CHARACTERS}; shorten it",
            )
        ]
