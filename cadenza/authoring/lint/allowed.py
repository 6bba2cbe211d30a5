"""Advice that an author has weighed and leaves aside, by a comment with the reason."""

import re
from collections.abc import Mapping, Sequence

from cadenza.authoring.lint.rule import Finding
from cadenza.language.source import Place

_ALLOW = re.compile(r"#\s*lint:\s*allow\s+(?P<rule>[a-z-]+)\s*(?::\s*(?P<reason>\S.*))?$")


def without_allowed(findings: Sequence[Finding], sources: Mapping[str, str]) -> Sequence[Finding]:
    """`findings` without the advice that a comment allows, and with what is wrong with comments.

    `# lint: allow shrinking-gaps: they asked for it` stands on the line of
    the advice or on the one above it. Errors cannot be allowed. A comment
    without a reason, or one that allows nothing, is advice itself.
    """
    kept = list(findings)
    for file, source in sources.items():
        for number, line in enumerate(source.splitlines(), start=1):
            allow = _ALLOW.search(line) if "lint:" in line else None
            if allow is None:
                continue
            place = Place(file=file, line=number, column=allow.start() + 1)
            if not allow["reason"]:
                kept.append(
                    _say(place, f"a comment says why; write `# lint: allow {allow['rule']}: …`")
                )
                continue
            rest = [f for f in kept if not _is_allowed(f, place, allow["rule"])]
            if len(rest) == len(kept):
                told = f"there is no advice `{allow['rule']}` here; remove this comment"
                rest.append(_say(place, told))
            kept = rest
    return kept


def _is_allowed(finding: Finding, place: Place, rule: str) -> bool:
    return (
        finding.level == "advice"
        and finding.rule == rule
        and finding.place.file == place.file
        and finding.place.line in (place.line, place.line + 1)
    )


def _say(place: Place, message: str) -> Finding:
    return Finding(place=place, rule="lint-comment", level="advice", message=message)
