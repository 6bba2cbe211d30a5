"""The statuses that a CRM shows, and which may follow which."""

import re
from collections.abc import Mapping

from cadenza.language.cadence import Statuses, StatusRule
from cadenza.language.fields import Fields
from cadenza.language.source import did_you_mean

MOST_STATUSES = 50

_SAID = {"yes": True, "true": True, "no": False, "false": False}
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def take_statuses(cadence: Fields) -> Statuses | None:
    """Read `statuses`; None if there are none. What is wrong is reported."""
    fields = cadence.mapping("statuses")
    if fields is None:
        return None
    fields.missing("field", "say which field of the CRM shows them; add `field: Lead_Status`")
    field = fields.text("field")
    names = [name for name in fields.keys() if name != "field"]  # noqa: SIM118
    if not names or len(names) > MOST_STATUSES:
        cadence.problem("statuses", f"write 1 to {MOST_STATUSES} statuses below `field`")
        return None
    rules = {name: _take_rule(fields, name, names) for name in names}
    whole = {name: rule for name, rule in rules.items() if rule is not None}
    _check_ways(fields, whole, names[0])
    if field is None or len(whole) < len(rules):
        return None
    return Statuses(field=field.value, first=names[0], rules=whole)


def _take_rule(fields: Fields, name: str, names: list[str]) -> StatusRule | None:
    if not _NAME.fullmatch(name):
        fields.reporter.problem(
            fields.key_place(name),
            f"`{name}` is no status; write small letters, digits, `-` and `_`",
        )
        return None
    rule = fields.mapping(name)
    if rule is None:
        return None
    before = rule.texts("from") or ()
    crm = rule.text("crm")
    for text in before:
        if text.value not in names:
            rule.reporter.problem(
                text.place, f"there is no status `{text.value}`{did_you_mean(text.value, names)}"
            )
    at_end = _SAID[rule.choice("at_end", _SAID) or "no"]
    rule.done({"from", "crm", "at_end"})
    return StatusRule(
        name=name,
        from_=frozenset(text.value for text in before),
        crm=crm.value if crm else name,
        at_end=at_end,
    )


def _check_ways(fields: Fields, rules: Mapping[str, StatusRule], first: str) -> None:
    """Report statuses that nothing can become."""
    found, ahead = {first}, [first]
    while ahead:
        present = ahead.pop()
        for name, rule in rules.items():
            if name not in found and (not rule.from_ or present in rule.from_):
                found.add(name)
                ahead.append(name)
    for name in rules:
        if name not in found:
            fields.problem(
                name, f"no way leads from `{first}` to the status `{name}`; look at its `from`"
            )
