"""What a rep must have done before they set an outcome or a status.

`require: {lost: [2 follow-up emails, 1 call]}`. Judged from plain facts,
so that a refusal can say what is missing. A stop that the prospect asked
for never waits for any of this.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from cadenza.language.known_fields import FieldName
from cadenza.model import Profile


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was done in one enrollment.

    emails_sent: mails that left. calls_done: tasks of kind call that were
    done, connected or not. approvals: step ids of the approvals that were
    given. profile: with the company and subject of the enrollment.
    """

    emails_sent: int
    calls_done: int
    approvals: frozenset[str]
    profile: Profile


class Requirement(ABC):
    """One thing that has to be so."""

    @abstractmethod
    def missing(self, facts: Facts) -> str | None:
        """What is missing, as part of a sentence (`1 more call`); None: nothing. Pure."""


@dataclass(frozen=True, kw_only=True)
class EmailsSent(Requirement):
    """So many mails; follow_ups: not counting the first."""

    count: int
    follow_ups: bool

    def missing(self, facts: Facts) -> str | None:
        sent = max(0, facts.emails_sent - 1) if self.follow_ups else facts.emails_sent
        return _more(self.count - sent, "follow-up email" if self.follow_ups else "email")


@dataclass(frozen=True, kw_only=True)
class CallsDone(Requirement):
    """So many calls, connected or not."""

    count: int

    def missing(self, facts: Facts) -> str | None:
        return _more(self.count - facts.calls_done, "call")


@dataclass(frozen=True, kw_only=True)
class ApprovalOf(Requirement):
    """An approval that was given, by whoever the step is for."""

    step: str

    def missing(self, facts: Facts) -> str | None:
        return None if self.step in facts.approvals else f"the approval of `{self.step}`"


@dataclass(frozen=True, kw_only=True)
class FieldIsSet(Requirement):
    """A field with a value."""

    field: FieldName

    def missing(self, facts: Facts) -> str | None:
        return None if self.field.text(facts.profile) else f"a value for `{self.field}`"


def _more(count: int, what: str) -> str | None:
    if count <= 0:
        return None
    return f"{count} more {what}{'' if count == 1 else 's'}"
