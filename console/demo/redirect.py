"""Turns any accounts file into one that sends to the sandbox alone.

So a team can run its own owners, limits and groups through the demo, and
no relay or provider in the file is ever reached, nor a secret read.
"""

import tempfile
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cadenza.accounts import Accounts, load_accounts
from cadenza.errors import ConfigurationError

_SID = "AC00000000000000000000000000000001"


def redirect_accounts(
    source: Path, target: Path, ports: Mapping[str, int], start: date | None
) -> None:
    """Write `source` to `target` with every account's server and login replaced.

    ports: of the sandbox's servers. start: the first day of the run; the
    first ramp of the file begins on it, the others as much later as they do
    in the file: who is new there is new in the run. None: ramps stay as
    they are. Limits, groups, owners and everything else stay, and are
    checked when the file is loaded. Raises
    ConfigurationError for a file that is no YAML, and for an account whose
    provider the sandbox does not play.
    """
    document = _read(source)
    accounts = document.get("accounts") if isinstance(document, dict) else None
    if isinstance(accounts, list):
        document["accounts"] = [_redirected(source, account, ports) for account in accounts]
        if start is not None:
            _begin_ramps(document["accounts"], start)
    with target.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(document, file)


def _redirected(source: Path, account: Any, ports: Mapping[str, int]) -> Any:
    if not isinstance(account, dict):
        return account  # said of it when the file is loaded
    provider = account.get("provider")
    redirect = _REDIRECTS.get(str(provider))
    if redirect is None:
        raise ConfigurationError(
            f"{source}: account {account.get('id')!r}: the sandbox plays no provider {provider!r}; "
            f"it plays: {', '.join(sorted(_REDIRECTS))}"
        )
    settings = account.get("settings")
    kept = settings if isinstance(settings, dict) else {}
    new_settings, new_secrets = redirect(kept, ports)
    redirected = {**account, "settings": new_settings, "secrets": new_secrets}
    if provider == "http":  # the address itself is where it goes
        redirected["address"] = f"http://127.0.0.1:{ports['webhook']}/hooks"
    return redirected


def _begin_ramps(accounts: list[Any], start: date) -> None:
    """Move all ramps by the same number of days, so that the first begins on `start`."""
    limits = [a.get("limits") for a in accounts if isinstance(a, dict)]
    ramps = [part.get("ramp") for part in limits if isinstance(part, dict)]
    known = [r for r in ramps if isinstance(r, dict) and isinstance(r.get("since"), date)]
    if known:
        later = start - min(ramp["since"] for ramp in known)
        for ramp in known:
            ramp["since"] += later


def _smtp(kept: Mapping[str, Any], ports: Mapping[str, int]) -> tuple[object, object]:
    username = kept.get("username")
    settings = {
        "host": "127.0.0.1",
        "port": ports["smtp"],
        "tls": "none",
        "username": username if isinstance(username, str) else "demo",
        "connections": 4,
    }
    return settings, {"password": {"env": "DEMO_SMTP_PASSWORD"}}


def _twilio(kept: Mapping[str, Any], ports: Mapping[str, int]) -> tuple[object, object]:
    sid = kept.get("account_sid")
    settings = {
        "account_sid": sid if isinstance(sid, str) else _SID,
        "api_base": f"http://127.0.0.1:{ports['sms']}",
    }
    return settings, {"auth_token": {"env": "DEMO_SMS_TOKEN"}}


def _unipile(kept: Mapping[str, Any], ports: Mapping[str, int]) -> tuple[object, object]:
    del kept
    settings = {"api_base": f"http://127.0.0.1:{ports['social']}"}
    return settings, {"api_key": {"env": "DEMO_SOCIAL_KEY"}}


def _webhook(kept: Mapping[str, Any], ports: Mapping[str, int]) -> tuple[object, object]:
    del kept, ports
    return {"allow_http": True}, {"signing": {"env": "DEMO_WEBHOOK_SECRET"}}


_REDIRECTS: Mapping[
    str, Callable[[Mapping[str, Any], Mapping[str, int]], tuple[object, object]]
] = {"smtp": _smtp, "twilio": _twilio, "unipile": _unipile, "http": _webhook}


def pretend_accounts(source: Path) -> Accounts:
    """An accounts file for a run that sends nothing: no server, login or secret in it is read.

    Raises ConfigurationError as `load_accounts` does.
    """
    document = _read(source)
    accounts = document.get("accounts") if isinstance(document, dict) else None
    if isinstance(accounts, list):
        document["accounts"] = [
            {**a, **_pretended(a)} if isinstance(a, dict) else a for a in accounts
        ]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "accounts.yaml"
        with target.open("w", encoding="utf-8") as file:
            YAML(typ="safe", pure=True).dump(document, file)
        try:
            return load_accounts(target)
        except ConfigurationError as error:
            raise ConfigurationError(str(error).replace(str(target), str(source))) from error


def _pretended(account: Mapping[str, Any]) -> Mapping[str, Any]:
    nowhere = {"address": "nowhere"} if isinstance(account.get("address"), dict) else {}
    return {"settings": {}, "secrets": {}, **nowhere}


def _read(source: Path) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ConfigurationError(f"{source}: cannot be read as YAML: {error}") from error
