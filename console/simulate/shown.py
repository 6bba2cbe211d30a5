"""From files to what `cadenza simulate` prints."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cadenza.accounts import Accounts
from cadenza.authoring.applying import read_cadences
from cadenza.errors import ConfigurationError
from cadenza.language.cadence import Cadence
from console.demo.redirect import pretend_accounts
from console.enroll.table import read_rows
from console.simulate.document import as_document
from console.simulate.engine import simulate
from console.simulate.options import SimulateOptions
from console.simulate.page import as_page, compared_as_page
from console.simulate.text import as_text
from console.simulate.versions import both, compared_as_text
from sandbox.response import read_response


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for. accounts: its servers and secrets are never looked at."""

    cadence: Path
    against: Path | None
    prospects: Path
    accounts: Path
    response: Path | None
    start: date
    days: int
    seed: int
    per_day: int | None
    step: timedelta


def shown(request: Request, as_format: str) -> str:
    """Run it; the result as `text`, `json` or `html`. Raises CadenzaError or ValueError.

    Those say which file is wrong, where, and what to do.
    """
    accounts = pretend_accounts(request.accounts)
    rows = read_rows(request.prospects)
    if not rows:
        raise ConfigurationError(f"{request.prospects}: there is no prospect in this file")
    response = read_response(request.response)
    documents = [
        as_document(
            simulate(
                SimulateOptions(
                    cadence=cadence,
                    accounts=accounts,
                    rows=rows,
                    start=request.start,
                    days=request.days,
                    seed=request.seed,
                    per_day=request.per_day,
                    step=request.step,
                    response=response,
                )
            )
        )
        for cadence in _cadences(request, accounts)
    ]
    if len(documents) == 1:
        return _one(documents[0], as_format)
    return _two(both(*documents), as_format)


def _cadences(request: Request, accounts: Accounts) -> Sequence[Cadence]:
    """One file at a time: two versions of a cadence have the same name."""
    paths = [request.cadence, *([request.against] if request.against else [])]
    return [read_cadences([path], accounts)[0].cadence for path in paths]


def _one(document: Mapping[str, Any], as_format: str) -> str:
    match as_format:
        case "json":
            return as_json(document)
        case "html":
            return as_page(document)
        case _:
            return as_text(document)


def _two(document: Mapping[str, Any], as_format: str) -> str:
    match as_format:
        case "json":
            return as_json(document)
        case "html":
            return compared_as_page(document)
        case _:
            return compared_as_text(document)


def as_json(document: Mapping[str, Any]) -> str:
    """The document as text, two spaces deep."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
