"""Real mails to test with. They are not part of this repository: see `CADENZA_SHARED_DATA`."""

import json
import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

_BESIDE = Path(__file__).parents[3].parent / "shared"


class Labelled(NamedTuple):
    """A mail and what its publishers call it: hard, soft, complaint, auto_reply, delivered."""

    name: str
    raw: bytes
    kind: str


def folder(name: str) -> Path:
    """A folder of the corpus. Skips the test if it is not there."""
    root = Path(os.environ.get("CADENZA_SHARED_DATA") or _BESIDE)
    for candidate in (root / name, root / "data" / name):
        if candidate.is_dir():
            return candidate
    pytest.skip(f"needs {name}/ of the shared test data: set CADENZA_SHARED_DATA to its folder")


@cache
def bounces() -> list[Labelled]:
    """275 reports, complaints and automatic answers of the Sisimai corpus."""
    where = folder("bounces")
    labels = json.loads((where / "labels.json").read_text(encoding="utf-8"))
    return [
        Labelled(name, (where / name).read_bytes(), label["kind"]) for name, label in labels.items()
    ]


@cache
def replies() -> dict[str, str]:
    """The bodies of 22 replies, of the fixtures of GitHub's email_reply_parser."""
    where = folder("replies")
    return {
        path.stem: path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(where.glob("*.txt"))
    }
