"""Which column of a file is which member of an enrollment row."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cadenza.errors import CadenzaError

_NAME = r"[a-z][a-z0-9_]{0,62}"
_MEMBER = re.compile(rf"((company|subject|party\.{_NAME})\.)?{_NAME}")

# How columns are called in exports of CRMs and spreadsheets, in the languages of
# our users: without accents, signs and capitals.
_TITLES: Mapping[str, str] = {
    "id": "id, external id, prospect id, contact id, lead id, record id, identifiant, kennung",
    "email": "email, e mail, mail, email address, e mail address, mail address, work email, "
    "business email, adresse email, adresse e mail, adresse mail, courriel, e mail adresse, "
    "correo, correo electronico, indirizzo email",
    "phone": "phone, phone number, telephone, mobile, mobile phone, mobile number, cell, "
    "cell phone, work phone, tel, telephone portable, portable, telefon, telefonnummer, handy, "
    "mobil, mobiltelefon, telefono, movil, numero de telephone, cellulare",
    "linkedin": "linkedin, linkedin url, linkedin profile, linkedin profile url, profil linkedin, "
    "person linkedin url",
    "company": "company, company name, account, account name, organisation, organization, "
    "entreprise, societe, firma, unternehmen, empresa, azienda",
    "country": "country, country code, pays, code pays, land, landerkurzel, pais, paese",
    "time_zone": "time zone, timezone, tz, fuseau horaire, zeitzone, zona horaria, fuso orario",
    "locale": "locale, language, langue, sprache, idioma, lingua",
    "owner": "owner, owner id, sales rep, rep, account owner, lead owner, contact owner, "
    "commercial, proprietaire, besitzer, propietario",
    "subject": "subject, deal, deal id, order, order id, claim, claim id",
    "first_name": "first name, firstname, given name, forename, prenom, vorname, nombre, nome",
    "last_name": "last name, lastname, surname, family name, nom, nom de famille, nachname, "
    "familienname, apellido, apellidos, cognome",
    "title": "title, job title, position, role, fonction, poste, intitule du poste, titel, "
    "jobtitel, stelle, cargo, puesto",
}
_MEMBER_BY_TITLE = {
    title.strip(): member for member, titles in _TITLES.items() for title in titles.split(",")
}


class WrongMapping(CadenzaError):
    """The columns cannot be told apart, or `--map` names what is not there."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column and what it becomes. how: by `--map`, by its title, or a field of its own name."""

    index: int
    title: str
    member: str
    how: Literal["said", "guessed", "field"]


def map_columns(header: Sequence[str], said: Mapping[str, str]) -> Sequence[Column]:
    """Decide for each column of `header`; those without a title are left out.

    said: member → title of its column. Every other column becomes the
    member that its title means, and else a field of its own name.
    Raises WrongMapping.
    """
    _check_titles(header)
    member_by_title = _as_said(header, said)
    columns = []
    taken = set(said)
    for index, title in enumerate(header):
        if not title:
            continue
        meant = _MEMBER_BY_TITLE.get(_plain(title)) or _member_of(title)
        if title in member_by_title:
            column = Column(index=index, title=title, member=member_by_title[title], how="said")
        elif meant is not None and meant not in taken:
            column = Column(index=index, title=title, member=meant, how="guessed")
        else:
            name = _free(_named(title), taken)
            column = Column(index=index, title=title, member=name, how="field")
        taken.add(column.member)
        columns.append(column)
    return columns


def read_mapping(said: Iterable[str]) -> Mapping[str, str]:
    """`email=E-Mail` → member and title. Raises WrongMapping."""
    mapping: dict[str, str] = {}
    for text in said:
        member, sign, title = text.partition("=")
        member, title = member.strip(), title.strip()
        if not sign or not title:
            raise WrongMapping(f"--map {text!r}: write --map MEMBER=COLUMN, e.g. --map email=Mail")
        if not _MEMBER.fullmatch(member):
            raise WrongMapping(
                f"--map {text!r}: {member!r} is no name: write small letters, digits and _, or "
                "company.NAME, subject.NAME, party.WHO.NAME"
            )
        if member in mapping:
            raise WrongMapping(f"--map names {member} twice: keep one of the two")
        mapping[member] = title
    return mapping


def _check_titles(header: Sequence[str]) -> None:
    twice = sorted({title for title in header if title and header.count(title) > 1})
    if twice:
        raise WrongMapping(
            f"two columns are called {twice[0]!r}: give one of them another title in the file"
        )


def _as_said(header: Sequence[str], said: Mapping[str, str]) -> Mapping[str, str]:
    by_title: dict[str, str] = {}
    for member, title in said.items():
        if title not in header:
            raise WrongMapping(
                f"--map {member}={title}: the file has no column {title!r}"
                f"{_meant(title, header)}; it has: {', '.join(t for t in header if t)}"
            )
        if title in by_title:
            raise WrongMapping(f"--map uses the column {title!r} twice: keep one of the two")
        by_title[title] = member
    return by_title


def _meant(title: str, header: Sequence[str]) -> str:
    known = {_plain(other): other for other in header}
    close = difflib.get_close_matches(_plain(title), known, n=1)
    return f" (did you mean {known[close[0]]!r}?)" if close else ""


def _plain(title: str) -> str:
    """Without accents, signs and capitals: `Prénom ` → `prenom`."""
    decomposed = unicodedata.normalize("NFKD", title.casefold())
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(re.findall(r"[a-z0-9]+", letters))


def _member_of(title: str) -> str | None:
    """`company.size` is written as a member already; None for titles that are not."""
    name = title.strip().lower()
    return name if "." in name and _MEMBER.fullmatch(name) else None


def _named(title: str) -> str:
    """The field that a column becomes which means nothing to us: `Deal size (€)` → `deal_size`."""
    name = _plain(title).replace(" ", "_")[:60] or "column"
    return name if name[0].isalpha() else f"column_{name}"


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
