"""Cuts the rows of a file into enrollment messages whose keys name what is in them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from cadenza.enrolling.envelope import MOST_BYTES
from cadenza.enrolling.message import EnrollmentMessage
from console.enroll.table import FileRow

# Half of what a message may have: its envelope and escapes fit with room to spare.
_MOST_MESSAGE_BYTES = MOST_BYTES // 2


@dataclass(frozen=True, kw_only=True)
class Part:
    """One message of a file. numbers: the file's row of each of its rows."""

    message: EnrollmentMessage
    numbers: Sequence[int]


def split(rows: Sequence[FileRow], *, cadence: str, size: int, key: str | None) -> Sequence[Part]:
    """Messages of up to `size` rows, called `KEY-1`, `KEY-2` …

    Without `key`, one made from cadence and content: the same rows cut the
    same way give the same messages, which are recognised and not enrolled
    again; anything else gives others.
    """
    groups = _groups(rows, size)
    if key is None:
        content = json.dumps([cadence, [[dict(r.prospect) for r in g] for g in groups]])
        key = f"csv-{hashlib.sha256(content.encode()).hexdigest()[:24]}"
    return [
        Part(
            message=EnrollmentMessage(
                key=f"{key}-{n}", cadence=cadence, rows=[row.prospect for row in group]
            ),
            numbers=[row.number for row in group],
        )
        for n, group in enumerate(groups, start=1)
    ]


def _groups(rows: Sequence[FileRow], size: int) -> Sequence[Sequence[FileRow]]:
    groups: list[list[FileRow]] = []
    size_bytes = 0
    for row in rows:
        row_bytes = len(json.dumps(dict(row.prospect), ensure_ascii=False).encode())
        if not groups or len(groups[-1]) == size or size_bytes + row_bytes > _MOST_MESSAGE_BYTES:
            groups.append([])
            size_bytes = 0
        groups[-1].append(row)
        size_bytes += row_bytes
    return groups
