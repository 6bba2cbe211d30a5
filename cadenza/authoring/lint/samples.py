"""The longest values that a text may be filled with."""

from collections.abc import Iterable, Iterator, Mapping

from cadenza.authoring.lint.rule import Case
from cadenza.sms.segments import Encoding, measure

# Longer than nine in ten of the names in the demo's data.
_LONG = {
    "first_name": "Maximiliane",
    "last_name": "Schwarzenberger",
    "company": "Van den Berghe & Zonen Logistiek",
    "country": "FR",
    "locale": "en-GB",
}
_OTHER = "twenty letters here!"
_OWNER = "Charlotte Grandjean"
_ORGANISATION = "Larkspur Logistics Software"
_URL = "https://links.example.com/u/0123456789abcdefghijklmnop01"


def worst_values(names: Iterable[str], case: Case) -> Iterator[Mapping[str, str]]:
    """The longest values for the variables `names`; and the longest that are not GSM, if any are.

    Of the prospects and accounts that are known; else samples.
    """
    known = {name: _known(name, case) for name in names}
    yield {name: max(values, key=_units) for name, values in known.items()}
    foreign = {n: [v for v in values if not _is_gsm(v)] for n, values in known.items()}
    if any(foreign.values()):
        yield {n: max(foreign[n] or values, key=len) for n, values in known.items()}


def _known(name: str, case: Case) -> list[str]:
    root, _, field = name.partition(".")
    if case.people is not None and case.people.longest.get(name):
        return list(case.people.longest[name])
    if root == "owner" and case.accounts is not None:
        values = [str(getattr(owner, field, "")) for owner in case.accounts.owners]
        return values or [_OWNER]
    if root == "organisation":
        organisation = case.accounts.organisation if case.accounts else None
        return [str(getattr(organisation, field, "")) if organisation else _ORGANISATION]
    if root in ("owner", "sender"):
        return [_OWNER]
    if name == "unsubscribe_url":
        return [_URL]
    return [_LONG.get(field, _OTHER)]


def _is_gsm(value: str) -> bool:
    return measure(value).encoding is Encoding.GSM_7


def _units(value: str) -> int:
    return measure(value).units if _is_gsm(value) else len(value)
