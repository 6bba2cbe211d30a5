"""Starts the outside world with what it needs to play its part: addresses, logins, secrets."""

import base64
import json
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cadenza.accounts import Accounts
from cadenza.model import Channel
from console.deployment import answers
from console.process_spec import ProcessSpec
from sandbox.response import ResponseModel

OUTSIDE = ("smtp", "sms", "social", "webhook", "control")


def outside_env(ports: Mapping[str, int]) -> Mapping[str, str]:
    """Addresses and logins that the demo's accounts files refer to by `{env: …}`."""
    return {
        "DEMO_SMTP_PORT": str(ports["smtp"]),
        "DEMO_SMTP_PASSWORD": secrets.token_hex(8),
        "DEMO_SMS_URL": f"http://127.0.0.1:{ports['sms']}",
        "DEMO_SMS_TOKEN": secrets.token_hex(16),
        "DEMO_SOCIAL_URL": f"http://127.0.0.1:{ports['social']}",
        "DEMO_SOCIAL_KEY": secrets.token_hex(16),
        "DEMO_WEBHOOK_URL": f"http://127.0.0.1:{ports['webhook']}/hooks",
        "DEMO_WEBHOOK_SECRET": f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}",
    }


def sandbox_spec(
    data_dir: Path,
    *,
    env: Mapping[str, str],
    ports: Mapping[str, int],
    inbound_smtp_port: int,
    public_url: str,
    api_token: str,
    webhook_secret: str,
    accounts: Accounts,
    seed: int,
    response: ResponseModel,
    systems: Sequence[Mapping[str, Any]] = (),
    personas: Mapping[str, Mapping[str, str]] | None = None,
) -> ProcessSpec:
    """The sandbox as a process; its settings are written to a file that only we can read.

    systems: outside systems that tell signals. personas: of people whose
    part is given, by address.
    """
    folder = data_dir / "sandbox"
    folder.mkdir(exist_ok=True)
    settings = {
        "var_dir": str(folder),
        "seed": seed,
        "smtp": {
            "port": ports["smtp"],
            "accounts": _logins(accounts),
            "rep_domains": sorted({o.email.rpartition("@")[2] for o in accounts.owners}),
            "keep_mails": 200,
        },
        "sms": {
            "port": ports["sms"],
            "accounts": _secrets(accounts, Channel.SMS, "account_sid", "auth_token"),
            "inbound_url": f"{public_url}/webhooks/twilio/inbound",
        },
        "social": {
            "port": ports["social"],
            "api_key": next(
                (a.secrets["api_key"].get_secret_value() for a in _of(accounts, Channel.SOCIAL)), ""
            ),
            "accounts": {a.address: a.name for a in _of(accounts, Channel.SOCIAL)},
            "users_webhook_url": f"{public_url}/webhooks/unipile",
            "messaging_webhook_url": f"{public_url}/webhooks/unipile",
            "webhook_headers": {"Unipile-Auth": webhook_secret},
        },
        "webhook": {
            "port": ports["webhook"],
            "secret": next(
                (a.secrets["signing"].get_secret_value() for a in _of(accounts, Channel.WEBHOOK)),
                None,
            ),
        },
        "control": {"port": ports["control"], "conducted": True},
        "outbox": {"host": "127.0.0.1", "port": inbound_smtp_port},
        "reps": {
            "api_base": public_url,
            "token": api_token,
            "poll_minutes": response.poll_minutes,
            "dispositions": response.dispositions,
        },
        "systems": list(systems),
        "rates": response.rates.model_dump(),
        "overrides": dict(personas or {}),
    }
    path = folder / "settings.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(settings, indent=2), encoding="utf-8")
    return ProcessSpec(
        name="sandbox",
        argv=[sys.executable, "-m", "sandbox", str(path)],
        env=env,
        log_path=data_dir / "logs" / "sandbox.log",
        ready=answers(f"http://127.0.0.1:{ports['control']}/state"),
    )


def _of(accounts: Accounts, channel: Channel) -> list[Any]:
    return [account for account in accounts.accounts if account.channel is channel]


def _logins(accounts: Accounts) -> dict[str, str]:
    return {
        str(a.settings["username"]): a.secrets["password"].get_secret_value()
        for a in _of(accounts, Channel.EMAIL)
        if "username" in a.settings
    }


def _secrets(accounts: Accounts, channel: Channel, user: str, secret: str) -> dict[str, str]:
    return {
        str(a.settings[user]): a.secrets[secret].get_secret_value() for a in _of(accounts, channel)
    }
