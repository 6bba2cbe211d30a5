"""What the outside world is told at its start: ports, credentials, dispositions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from sandbox.scenario import Scenario

Port = Annotated[int, Field(ge=0, le=65535)]
Share = Annotated[float, Field(ge=0, le=1)]

ChosenPersona = Literal[
    "silent",
    "opens",
    "clicks",
    "replies_positive",
    "replies_negative",
    "asks_to_stop",
    "out_of_office",
    "hard_bounce",
    "hard_bounce_dsn",
    "soft_bounce",
    "soft_bounce_dsn",
    "unsubscribes",
    "texts_stop",
    "replies_sms",
    "sms_undelivered",
    "accepts_invitation",
    "answers_social",
    "profile_missing",
]
PersonaName = ChosenPersona | Literal["ordinary"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SmtpSettings(_Part):
    """The server that receives every mail Cadenza sends."""

    port: Port = 0
    hostname: str = "mx.sandbox.example"
    accounts: dict[str, str] = {}
    """User name to password. AUTH is required when any is given."""
    tls_cert: Path | None = None
    """PEM chain. STARTTLS is offered when given, and AUTH only after it."""
    tls_key: Path | None = None
    """PEM key; None: it is in the file of the chain."""
    size_limit_bytes: Annotated[int, Field(ge=1_000)] = 10_485_760
    rep_domains: list[str] = []
    """Domains of the sales reps: their mail is kept in mailboxes and answered by nobody."""
    keep_mails: Annotated[int, Field(ge=0)] = 0
    """How many of the first mails to prospects are kept as files, for looking at."""


class SmsSettings(_Part):
    """The Twilio-compatible SMS provider."""

    port: Port = 0
    accounts: dict[str, str] = {}
    """AccountSid (AC + 32 hex digits) to auth token."""
    messaging_services: dict[str, list[str]] = {}
    """MessagingServiceSid (MG + 32 hex digits) to its pool of numbers."""
    inbound_url: str | None = None
    """Where texts from people are posted; None: nobody texts."""
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    """Above it, per account: 429 with code 20429. None: no limit."""


class SocialSettings(_Part):
    """The Unipile-compatible social provider."""

    port: Port = 0
    api_key: str = ""
    accounts: dict[str, str] = {}
    """Account id to the full name of its owner. Other accounts get 404."""
    users_webhook_url: str | None = None
    """Gets `new_relation`; None: not posted."""
    messaging_webhook_url: str | None = None
    """Gets `message_received`; None: not posted."""
    webhook_name: str = "cadenza"
    webhook_headers: dict[str, str] = {}
    """Sent with each webhook; the provider's own example is `Unipile-Auth: <secret>`."""
    echo_sent_messages: bool = True
    """The provider also posts `message_received` for messages that the account itself sent."""
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    """Above it, per account: 429. None: no limit."""
    invitations_per_day: Annotated[int, Field(gt=0)] | None = None
    """Above it, per account and schedule day: 422 cannot_resend_yet. None: no limit."""


class WebhookSettings(_Part):
    """Another company's system that is told by webhooks."""

    port: Port = 0
    secret: Annotated[str, Field(pattern=r"^whsec_[A-Za-z0-9+/]+=*$")] | None = None
    """What it checks signatures with: `whsec_` and base64. None: no signature is right."""


class ControlSettings(_Part):
    """The HTTP API for conductors and tests."""

    port: Port = 0
    conducted: bool = False
    """What people do begins when `POST /act` says so, and not by itself when its time has come."""


class WebSettings(_Part):
    """How people's browsers and the providers' webhooks reach the world."""

    hosts: dict[str, str] = {}
    """Authority in a URL to the host:port it is served at, in plain HTTP. Besides these, only
    loopback addresses are ever fetched."""
    connections_per_host: Annotated[int, Field(ge=1)] = 16
    timeout_seconds: Annotated[float, Field(gt=0)] = 15.0
    give_up_seconds: Annotated[float, Field(ge=0)] = 60.0
    """Wall time over which connection errors, 429 and 5xx are retried."""


class OutboxSettings(_Part):
    """Where people's replies, automatic replies and bounces are delivered."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)]
    connections: Annotated[int, Field(ge=1)] = 2
    backoff_max_seconds: Annotated[float, Field(gt=0)] = 2.0


class RepsSettings(_Part):
    """The sales reps who work the task list."""

    api_base: str
    token: str
    poll_minutes: Annotated[float, Field(gt=0)] = 60.0
    dispositions: dict[str, dict[str, Annotated[float, Field(ge=0)]]] = {}
    """Kind of task to disposition to weight; kinds left out go by `sandbox.behaviour.WEIGHTS`."""


class SubjectSettings(_Part):
    """Something that an outside system tells of: an order, a claim, or a person."""

    name: str
    """The subject's id; of a person, what the seeded draws go by."""
    begins_at: AwareDatetime
    prospect: dict[str, Any] = {}
    """Whom it is about, as Cadenza takes them in a message."""


class SystemSettings(_Part):
    """An outside system that tells signals."""

    name: str
    """Its messages' keys begin with it."""
    api_base: str
    token: str
    scenario: Scenario
    subjects: list[SubjectSettings] = []


class Rates(_Part):
    """How common each disposition is. Shares of people unless another whole is named."""

    opened: Share = 0.45
    """Of delivered mails: opened at least once."""
    clicked: Share = 0.08
    """Of delivered mails: a link clicked."""
    reply: Share = 0.045
    """Answer mails by hand."""
    reply_positive: Share = 0.35
    """Of those: interested."""
    reply_stop: Share = 0.2
    """Of those: ask not to be written to again. The rest decline."""
    out_of_office: Share = 0.03
    hard_bounce: Share = 0.02
    soft_bounce: Share = 0.015
    bounce_at_once: Share = 0.6
    """Of bouncing addresses: refused in the SMTP session. The rest by a later DSN."""
    unsubscribe: Share = 0.015
    sms_stop: Share = 0.01
    sms_reply: Share = 0.01
    sms_undelivered: Share = 0.02
    accept_invitation: Share = 0.35
    answer_social: Share = 0.02
    profile_missing: Share = 0.005
    reaction: Share = 0.45
    """Of the mails that reach a person who replies, unsubscribes or is away: those reacted to."""


class Override(_Part):
    """A disposition chosen by hand: the person reacts so to every message, and not otherwise."""

    persona: ChosenPersona


class SandboxSettings(_Part):
    """Everything that `sandbox.main.run` needs."""

    var_dir: Path
    """For the ledger and the reps' mailboxes; made when absent."""
    ready_file: Path | None = None
    """Written when all servers listen; None: `ready.json` in `var_dir`."""
    clock_file: Path | None = None
    """Eight bytes, little-endian signed: microseconds from wall to schedule time. None or no such
    file: schedule time is wall time."""
    host: str = "127.0.0.1"
    seed: int = 1
    smtp: SmtpSettings = SmtpSettings()
    sms: SmsSettings = SmsSettings()
    social: SocialSettings = SocialSettings()
    webhook: WebhookSettings = WebhookSettings()
    control: ControlSettings = ControlSettings()
    web: WebSettings = WebSettings()
    outbox: OutboxSettings | None = None
    """None: nobody answers by mail, and nothing bounces later."""
    reps: RepsSettings | None = None
    """None: no tasks are done."""
    systems: list[SystemSettings] = []
    rates: Rates = Rates()
    overrides: dict[str, Override] = {}
    """Mail address, phone number or public profile id, in lower case, to a persona."""


def load_settings(path: Path, environ: Mapping[str, str]) -> SandboxSettings:
    """Read the settings file; the clock file falls back to CADENZA_CLOCK_FILE.

    Raises OSError when the file cannot be read, ValidationError when it is not right.
    """
    settings = SandboxSettings.model_validate_json(path.read_bytes())
    clock_file = environ.get("CADENZA_CLOCK_FILE")
    if settings.clock_file is None and clock_file:
        return settings.model_copy(update={"clock_file": Path(clock_file)})
    return settings
