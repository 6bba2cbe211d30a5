"""What single values of the accounts file may look like."""

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr

from cadenza.model import SENDING_CHANNELS

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_PERCENT = re.compile(r"^\s*(\d{1,3}(?:\.\d+)?)\s*%\s*$")


def _resolved(value: Any) -> Any:
    """What `{env: NAME}` or `{file: PATH}` stands for; anything else as it is."""
    match value:
        case {"env": str(name), **rest} if not rest:
            if name not in os.environ:
                raise ValueError(f"the environment variable {name} is not set")
            return os.environ[name]
        case {"file": str(path), **rest} if not rest:
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ValueError(f"cannot read {path}: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise ValueError(f"cannot read {path}: it is not text in UTF-8") from error
        case _:
            return value


def _secret(value: Any) -> Any:
    resolved = _resolved(value)
    if resolved is value:
        raise ValueError("write {env: NAME} or {file: PATH}, never the secret itself")
    if resolved == "":  # whoever says nothing would know it
        raise ValueError("the secret is empty: put it into that variable or file")
    return resolved


def sending_channel(value: Any) -> Any:
    """A channel that sends. Raises ValueError."""
    if value not in SENDING_CHANNELS:
        *most, last = SENDING_CHANNELS
        raise ValueError(f"write {', '.join(most)} or {last}")
    return value


def _identifier(value: str) -> str:
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError("write at most 63 lower-case letters, digits, `.`, `_` or `-`")
    return value


def _share(value: Any) -> Any:
    """`30%` → 0.3; a number is a share already."""
    if not isinstance(value, str):
        return value
    match = _PERCENT.match(value)
    if not match:
        raise ValueError(f"{value!r} is not a percentage: write for instance `30%`")
    return float(match[1]) / 100


Identifier = Annotated[str, AfterValidator(_identifier)]
Setting = Annotated[Any, BeforeValidator(_resolved)]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]
Address = Annotated[str, BeforeValidator(_resolved)]
Share = Annotated[float, BeforeValidator(_share)]


class Strict(BaseModel):
    """A mapping of the accounts file: nothing in it that is not known, nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid")
