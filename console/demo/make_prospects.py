"""Makes up prospects: `python -m console.demo.make_prospects --rows 1500 --seed 34 > FILE`.

The same rows and seed give the same file. Nobody in it exists: mail
addresses are at reserved domains (RFC 2606), phone numbers in ranges that
belong to nobody. One row in fifty is wrong on purpose: see `FLAWS`.
"""

import argparse
import csv
import io
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from ruamel.yaml import YAML

from console.demo.ascii_names import ascii_name

COLUMNS = ("id", "Email", "First name", "Last name", "Title", "Company", "Industry", "Country",
           "Time zone", "Language", "Phone", "LinkedIn")  # fmt: skip
BLOCK = 50
DEMO_ROWS = 1_500
DEMO_SEED = 34  # of the first sixty, the one that spreads companies most evenly over the reps

_DATA = Path(__file__).parent / "data" / "people.yaml"
_HAS_PHONE = 0.85
_HAS_PROFILE = 0.9
_WRITTEN_FOR_LOCALS = 0.33
_PROFILE_AS_ADDRESS = 0.2
_ZONE_LEFT_TO_PHONE = 0.12
_TRIES = 10
# How many colleagues are in the list; 2.5 on average.
_STAFF = (1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5)

Row = Mapping[str, str]
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """One way in which a row is wrong on purpose.

    verdict: what enrolling must say. column: where the fault is, None for
    the row as a whole. of_earlier: it repeats a row further up in its block.
    """

    name: str
    verdict: Literal["rejected", "duplicate"] = "rejected"
    column: str | None = None
    of_earlier: bool = False
    change: Callable[[Row], Row]


def _put(**values: str) -> Callable[[Row], Row]:
    by_column = {name.replace("_", " "): value for name, value in values.items()}
    return lambda row: {**row, **by_column}


def _retyped(row: Row) -> Row:
    return {**row, "Email": row["Email"].upper(), "Last name": row["Last name"].upper()}


# In turn, one for each block of fifty rows.
FLAWS = (
    Flaw(name="email without @", column="Email", change=_put(Email="reception.northgate.example")),
    Flaw(name="exported twice", verdict="duplicate", of_earlier=True, change=lambda row: row),
    Flaw(name="words as phone", column="Phone", change=_put(Phone="ask at reception")),
    Flaw(name="country by name", column="Country", change=_put(Country="Deutschland")),
    Flaw(name="zone nonsense", column="Time zone", change=_put(Time_zone="Mars/Olympus_Mons")),
    Flaw(name="retyped in capitals", verdict="duplicate", of_earlier=True, change=_retyped),
    Flaw(name="email with two dots", column="Email", change=_put(Email="info@mail..example")),
    Flaw(
        name="nothing to know them by",
        change=_put(id="", Email="", Phone="", LinkedIn=""),
    ),
    Flaw(name="phone too short", column="Phone", change=_put(Phone="+1 555")),
    Flaw(name="no such country", column="Country", change=_put(Country="XX")),
    Flaw(
        name="zone cannot be told",
        column="Time zone",
        change=_put(Country="US", Time_zone="", Phone=""),
    ),
    Flaw(
        name="changed jobs",
        verdict="duplicate",
        of_earlier=True,
        change=_put(Company="Elsewhere & Partners", Title="Adviser"),
    ),
    Flaw(name="email of the old intranet", column="Email", change=_put(Email="admin@mailserver")),
    Flaw(
        name="page of a company",
        column="LinkedIn",
        change=_put(LinkedIn="https://www.linkedin.com/company/northgate-example/"),
    ),
    Flaw(name="language in words", column="Language", change=_put(Language="English (UK)")),
)


class _Dice:
    """Seeded draws out of `Random.random()` alone: the rest of `random` may change with Python."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def happens(self, share: float) -> bool:
        return self._random.random() < share

    def below(self, limit: int) -> int:
        return int(self._random.random() * limit)

    def one_of(self, choices: Sequence[_T]) -> _T:
        return choices[self.below(len(choices))]

    def digits(self, pattern: str) -> str:
        return re.sub("#", lambda _: str(self.below(10)), pattern)

    def mixed(self, items: Sequence[_T]) -> list[_T]:
        keyed = [(self._random.random(), n) for n in range(len(items))]
        return [items[n] for _, n in sorted(keyed)]


@dataclass(frozen=True, kw_only=True)
class _Company:
    name: str
    domain: str
    industry: str
    market: Mapping[str, Any]
    place: Mapping[str, Any]


@dataclass(kw_only=True)
class _Maker:
    """What was given out already, so that nobody shares an address, number or profile."""

    world: Mapping[str, Any]
    dice: _Dice
    taken: set[str] = field(default_factory=set)
    namesakes: Counter[str] = field(default_factory=Counter)

    def companies(self, people: int) -> Sequence[_Company]:
        """The company of each of `people`, in mixed order."""
        by_weight = [m for m in self.world["markets"] for _ in range(m["weight"])]
        staff: list[_Company] = []
        while len(staff) < people:
            staff += [self._company(self.dice.one_of(by_weight))] * self.dice.one_of(_STAFF)
        return self.dice.mixed(staff[:people])

    def person(self, number: int, company: _Company) -> Row:
        market = company.market
        women = self.dice.happens(0.5)
        first = self.dice.one_of(market["women" if women else "men"])
        of_women = market.get("surnames_of_women", market["surnames"])
        last = self.dice.one_of(of_women if women else market["surnames"])
        phone = self._phone(company) if self.dice.happens(_HAS_PHONE) else ""
        return {
            "id": f"crm-{number:05}",
            "Email": self._free(f"{ascii_name(first)}.{ascii_name(last)}", f"@{company.domain}"),
            "First name": first,
            "Last name": last,
            "Title": self.dice.one_of(market.get("titles", self.world["titles"])),
            "Company": company.name,
            "Industry": company.industry,
            "Country": market["code"],
            "Time zone": self._zone(company, phone),
            "Language": market["language"],
            "Phone": self._as_written(phone, market),
            "LinkedIn": self._profile(first, last) if self.dice.happens(_HAS_PROFILE) else "",
        }

    def _company(self, market: Mapping[str, Any]) -> _Company:
        trades = [(industry, t) for industry, some in market["trades"].items() for t in some]
        for _ in range(_TRIES):
            industry, trade = self.dice.one_of(trades)
            words = f"{self.dice.one_of(market['stems'])} {trade}"
            if f"{ascii_name(words)}.example" not in self.taken:
                break
        domain = self._free(ascii_name(words), ".example")
        number = re.search(r"\d+$", domain.removesuffix(".example"))
        return _Company(
            name=f"{words}{f' {number[0]}' if number else ''} {self.dice.one_of(market['legal'])}",
            domain=domain,
            industry=industry,
            market=market,
            place=self.dice.one_of(market["places"]),
        )

    def _phone(self, company: _Company) -> str:
        """A number of the first range with room, or none if there is no room at all."""
        for pattern in (*company.place.get("phones", ()), *company.market.get("phones", ())):
            for _ in range(_TRIES):
                phone = self.dice.digits(pattern)
                if phone not in self.taken:
                    self.taken.add(phone)
                    return phone
        return ""

    def _as_written(self, phone: str, market: Mapping[str, Any]) -> str:
        if not phone or "trunk" not in market or not self.dice.happens(_WRITTEN_FOR_LOCALS):
            return phone
        return f"{market['trunk']}{phone.partition(' ')[2]}"

    def _zone(self, company: _Company, phone: str) -> str:
        # North American area codes name a city, so the zone may be left out.
        told = phone.startswith("+1") and " 555 01" in phone
        zone: str = company.place.get("zone", "")
        return "" if told and self.dice.happens(_ZONE_LEFT_TO_PHONE) else zone

    def _profile(self, first: str, last: str) -> str:
        name = f"{ascii_name(first)}-{ascii_name(last)}-{self.dice.digits('######')}"
        profile = self._free(name, "")
        if self.dice.happens(_PROFILE_AS_ADDRESS):
            return f"https://www.linkedin.com/in/{profile}/"
        return profile

    def _free(self, name: str, rest: str) -> str:
        """`name` and `rest`, with a number between them if that is taken."""
        found = f"{name}{rest}"
        wanted = found
        while found in self.taken:
            self.namesakes[wanted] += 1
            found = f"{name}{self.namesakes[wanted] + 1}{rest}"
        self.taken.add(found)
        return found


@dataclass(frozen=True, kw_only=True)
class MadeUp:
    """The rows of a file. flaws: which of them are wrong, by index, and how."""

    rows: Sequence[Row]
    flaws: Mapping[int, Flaw]


def make_up(rows: int, seed: int) -> MadeUp:
    """As many rows as asked for, with the `COLUMNS`.

    Each full block of fifty rows holds one flawed row, with the `FLAWS` in
    turn; a row that is repeated stands in the same block.
    """
    dice = _Dice(seed)
    world = YAML(typ="safe", pure=True).load(_DATA.read_text(encoding="utf-8"))
    maker = _Maker(world=world, dice=dice)
    made = [maker.person(n, c) for n, c in enumerate(maker.companies(rows), start=1)]
    flaws: dict[int, Flaw] = {}
    for block in range(rows // BLOCK):
        flaw = FLAWS[block % len(FLAWS)]
        at = 1 + dice.below(BLOCK - 1)  # never the first: a duplicate needs an earlier row
        source = dice.below(at) if flaw.of_earlier else at
        made[block * BLOCK + at] = flaw.change(made[block * BLOCK + source])
        flaws[block * BLOCK + at] = flaw
    return MadeUp(rows=made, flaws=flaws)


def as_csv(rows: Sequence[Row]) -> str:
    """The file: a line of headers, then one line a row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the file, in UTF-8."""
    parser = argparse.ArgumentParser(prog="make_prospects", description="Make up prospects.")
    parser.add_argument("--rows", type=int, default=DEMO_ROWS, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=DEMO_SEED, help="default: %(default)s")
    wanted = parser.parse_args(arguments)
    if wanted.rows < 1:
        parser.error("--rows must be 1 or more")
    sys.stdout.buffer.write(as_csv(make_up(wanted.rows, wanted.seed).rows).encode())


if __name__ == "__main__":
    main()
