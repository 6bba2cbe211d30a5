"""Links are `https://`."""

import re
from collections.abc import Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule

_INSECURE = re.compile(r"http://[^\s\"'<>)]+", re.IGNORECASE)


class InsecureLink(LintRule):
    """Looks for `http://` in every text: browsers warn of it, and mailboxes count it as spam."""

    name: ClassVar[str] = "insecure-link"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "a link that begins with `http://`"

    def check(self, case: Case) -> Sequence[Finding]:
        return [
            self.finding(
                text.at(link.start()),
                f"`{link[0]}` is not encrypted, which browsers and mailboxes hold against a "
                "sender; write `https://`",
            )
            for text in case.written.liquid()
            for link in _INSECURE.finditer(text.value)
        ]
