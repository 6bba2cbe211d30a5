"""SMS over Twilio Programmable Messaging (https://www.twilio.com/docs/messaging/api)."""

import base64
import re
from datetime import timedelta
from typing import ClassVar

from pydantic import Field, SecretStr

from cadenza.abc import Begin, Sender, SenderFeatures
from cadenza.accounts import SenderAccount
from cadenza.errors import (
    AmbiguousSendError,
    ConfigurationError,
    PermanentSendError,
    SendError,
    TransientSendError,
)
from cadenza.model import Accepted, Channel, Outbound, OutboundSms
from senders.gate import Gate
from senders.http import Answer, BaseUrl, HttpApi, HttpSettings, as_form
from senders.settings import account_trouble, read_settings

_E164 = re.compile(r"\+[1-9]\d{6,14}")

# https://www.twilio.com/docs/api/errors/<code>
_OPTED_OUT = 21610
_NO_SUCH_NUMBER = {
    21211: "not a valid number",
    21217: "not a valid number",
    21265: "a short code",
    21268: "a premium number",
    21614: "not a mobile number",
    21635: "a landline",
}
_ACCOUNT_TROUBLE = {
    20003: "the login is refused: check account_sid and auth_token",
    20404: "the account is not found: check account_sid and api_base",
    21408: "sending to that country is not enabled",
    21606: "the number cannot send texts to that country",
    21608: "a trial account sends to verified numbers only",
    21659: "the sending number is not Twilio's",
    21660: "the sending number belongs to another account",
    21661: "the sending number cannot send texts",
    21703: "the messaging service has no numbers",
}
_RATE = 20429
_UNAVAILABLE = 20503
_RETRY_BY_CODE = {
    _RATE: timedelta(seconds=10),
    _UNAVAILABLE: timedelta(minutes=1),
    21611: timedelta(minutes=30),  # the number's queue is full: ten hours of messages
    63038: timedelta(hours=4),  # the account's messages in rolling 24 hours
}


class TwilioSettings(HttpSettings):
    """account_sid: `AC…`. api_base: another address than Twilio's own.

    messaging_service_sid: `MG…`; its number pool is used instead of the
    account's `address`.
    """

    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    api_base: BaseUrl = "https://api.twilio.com"
    messaging_service_sid: str | None = Field(default=None, pattern=r"^MG[0-9a-fA-F]{32}$")


class TwilioSender(Sender):
    """Sends SMS; see docs/channels/sms.md.

    Numbers of one Twilio account share it; so do accounts of one messaging service.
    """

    channel: ClassVar[Channel] = Channel.SMS
    provider: ClassVar[str] = "twilio"

    def __init__(self, settings: TwilioSettings, auth_token: SecretStr) -> None:
        self.features = SenderFeatures(concurrency=settings.connections)
        self._settings = settings
        self._path = f"/2010-04-01/Accounts/{settings.account_sid}/Messages.json"
        self._gate = Gate(settings.connections)
        login = f"{settings.account_sid}:{auth_token.get_secret_value()}".encode()
        self._api = HttpApi(
            "Twilio",
            settings.api_base,
            settings,
            {"Authorization": f"Basic {base64.b64encode(login).decode('ascii')}"},
        )

    @classmethod
    def route(cls, account: SenderAccount) -> str:
        settings = _read(account)
        service = settings.messaging_service_sid or ""
        return f"twilio:{settings.api_base}:{settings.account_sid}:{service}"

    @classmethod
    def for_account(cls, account: SenderAccount) -> "TwilioSender":
        return cls(_read(account), account.secrets["auth_token"])

    async def open(self) -> None:
        await self._api.open()
        self._gate.open()

    async def send(self, touch: Outbound, begin: Begin) -> Accepted:
        if not isinstance(touch, OutboundSms):
            raise TypeError(f"TwilioSender cannot send {type(touch).__name__}")
        form = {"To": touch.recipient, "Body": touch.body}
        if self._settings.messaging_service_sid is not None:
            form["MessagingServiceSid"] = self._settings.messaging_service_sid
        else:
            form["From"] = touch.sender
        if touch.status_callback is not None:
            form["StatusCallback"] = touch.status_callback
        async with self._gate:
            answer = await self._api.post(self._path, begin, as_form(form))
        sid = answer.text("sid")
        if 200 <= answer.status < 300 and sid:
            return Accepted(provider_id=sid, detail=answer.text("status"))
        raise _refusal(answer)

    async def close(self) -> None:
        await self._gate.close()
        await self._api.close()


def _read(account: SenderAccount) -> TwilioSettings:
    settings = read_settings(TwilioSettings, account, secrets={"auth_token"})
    if settings.messaging_service_sid is None and not _E164.fullmatch(account.address):
        raise ConfigurationError(
            f"account {account.id!r} (twilio): address: write the number like +15551234567, "
            f"or add settings.messaging_service_sid"
        )
    return settings


def _refusal(answer: Answer) -> SendError:
    """What an answer means that is no message.

    Twilio advises against relying on its codes alone (they are split now
    and then), so the HTTP status decides whatever the tables do not know.
    """
    number = answer.document.get("code")
    code = number if isinstance(number, int) else 0
    shown = str(code or answer.status)
    if code == _OPTED_OUT:
        told = "the recipient has opted out at Twilio"
        return PermanentSendError(told, code=shown, opted_out=True)
    if code in _NO_SUCH_NUMBER:
        return PermanentSendError(
            f"Twilio refused the recipient: {_NO_SUCH_NUMBER[code]} ({code})",
            code=shown,
            recipient_invalid=True,
        )
    if code in _ACCOUNT_TROUBLE:
        return account_trouble(f"Twilio: {_ACCOUNT_TROUBLE[code]} ({code})", code=shown)
    if code in _RETRY_BY_CODE or answer.status == 429:
        wait = answer.retry_after or _RETRY_BY_CODE.get(code, _RETRY_BY_CODE[_RATE])
        return TransientSendError(f"Twilio asks to wait ({shown})", code=shown, retry_after=wait)
    return _by_status(answer.status, shown)


def _by_status(status: int, shown: str) -> SendError:
    if status in (401, 403, 404) or 300 <= status < 400:
        return account_trouble(
            f"Twilio refused the account ({shown}): check account_sid, auth_token and api_base",
            code=shown,
        )
    if 400 <= status < 500:
        return PermanentSendError(f"Twilio refused the message ({shown})", code=shown)
    # "If you get a 500 Server Error on these requests, and you retry, it is possible for a
    # customer to receive multiple messages": https://www.twilio.com/docs/api/errors/20500.
    # The same goes for gateways (502, 503 without Twilio's own code, 504) and a 2xx without SID.
    return AmbiguousSendError(f"Twilio did not say whether it sent ({shown})", code=shown)
