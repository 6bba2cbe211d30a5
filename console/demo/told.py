"""Every touch, task and enrollment of a run as lines of JSON, to compare it with another."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from cadenza.storage import export
from cadenza.storage.database import Connection


async def write_touches(db: Connection, path: Path) -> None:
    """Write ledger, tasks and enrollments to `path`: an object a line, with its `kind`."""
    lines = [{"kind": "touch", **asdict(touch)} for touch in await export.touches(db)]
    lines += [{"kind": "task", **asdict(task)} for task in await export.tasks(db)]
    lines += [{"kind": "enrollment", **asdict(e)} for e in await export.enrollments(db)]
    with path.open("w", encoding="utf-8") as file:
        file.writelines(
            json.dumps(line, default=_told, ensure_ascii=False) + "\n" for line in lines
        )


def _told(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not for JSON")
