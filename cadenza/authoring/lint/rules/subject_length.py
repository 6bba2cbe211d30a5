"""A subject that mailboxes show whole."""

from collections.abc import Sequence
from typing import ClassVar

from cadenza.authoring.lint.filled import filled
from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.language.email_template import one_line

MOST_CHARACTERS = 60
"""What a list of mails on a wide screen shows of a subject; telephones show about 40."""


class SubjectLength(LintRule):
    """Fills each subject with usual values and counts."""

    name: ClassVar[str] = "subject-length"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "a subject of more than 60 characters"

    def check(self, case: Case) -> Sequence[Finding]:
        found = []
        for mail in case.written.mails:
            if mail.subject is None:
                continue
            length = len(one_line(filled(mail.subject)))
            if length > MOST_CHARACTERS:
                found.append(
                    self.finding(
                        mail.subject.place,
                        f"this subject has about {length} characters, of which mailboxes show "
                        f"{MOST_CHARACTERS}; shorten it",
                    )
                )
        return found
