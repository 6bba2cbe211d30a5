"""What every message is, whatever its rows are about: a JSON object with a key for ever. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cadenza.errors import CadenzaError

MOST_ROWS = 5_000
MOST_BYTES = 8 * 1024 * 1024
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class UnreadableMessage(CadenzaError):
    """The message as a whole makes no sense; it is kept with this reason.

    key: its own, if that can be read.
    """

    def __init__(self, reason: str, key: str | None = None) -> None:
        super().__init__(reason)
        self.key = key


def read_envelope(raw: bytes, rows_name: str) -> tuple[str, Mapping[str, Any], Sequence[Any]]:
    """A message's key, its other members, and its rows, which are not looked at yet.

    rows_name: the member that holds the rows. Raises UnreadableMessage that says what to mend.
    """
    if len(raw) > MOST_BYTES:
        raise UnreadableMessage(f"larger than {MOST_BYTES} bytes: split it into several messages")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UnreadableMessage("not a JSON document in UTF-8") from error
    if not isinstance(document, dict):
        raise UnreadableMessage(f"not a JSON object with key and {rows_name}")
    key, rows = document.get("key"), document.get(rows_name)
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise UnreadableMessage("`key` must be 1 to 200 printable ASCII characters without spaces")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        raise UnreadableMessage(f"`{rows_name}` must be a list of 1 to {MOST_ROWS} rows", key)
    return key, document, rows


def fallback_key(raw: bytes) -> str:
    """What a message is called whose own key cannot be read."""
    return f"unreadable-{hashlib.sha256(raw).hexdigest()[:32]}"
