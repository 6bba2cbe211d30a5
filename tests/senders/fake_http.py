"""Twilio's and Unipile's APIs, as far as senders use them, and a receiver of webhooks."""

import asyncio
import base64
import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import SecretStr

from cadenza.accounts import SenderAccount
from cadenza.model import Channel, OutboundSms, OutboundSocial, OutboundWebhook, TouchId
from tests.senders.servers import FakeProvider, Fault

ACCOUNT_SID = "AC" + "0a" * 16


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Response:
    status: int
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        document = self.document
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        lines = [f"HTTP/1.1 {self.status} -", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


class FakeHttp(FakeProvider):
    """script: responses to give before the usual ones. requests: all that came.

    drips: answers octet by octet and never gets done.
    """

    faults: ClassVar[Mapping[Fault, Response]]

    def __init__(self, *, tls: bool = False) -> None:
        super().__init__(tls=tls)
        self.script: list[Response] = []
        self.requests: list[Request] = []
        self.drips = False

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """The response where there is no fault."""

    def acts(self, request: Request) -> bool:
        """Whether this request is one that does something."""
        return request.method == "POST"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await _read_request(reader)
            self.requests.append(request)
            writer.write((await self._respond(request)).encode())
            while self.drips:
                writer.write(b"Y")
                await asyncio.sleep(0.01)
            await writer.drain()

    async def _respond(self, request: Request) -> Response:
        fault = await self.take(request.body) if self.acts(request) else None
        if fault is Fault.HANGS_UP:
            raise ConnectionAbortedError
        if self.script:
            return self.script.pop(0)
        return self.answer(request) if fault is None else self.faults[fault]


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *fields = head.split("\r\n")
    method, target, _ = first.split(" ")
    headers = {n.lower(): v.strip() for n, _, v in (f.partition(":") for f in fields if f)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    return Request(
        method=method,
        path=unquote(parts.path),
        query=parse_qs(parts.query),
        headers=headers,
        body=body,
    )


class FakeTwilio(FakeHttp):
    private = ("+33612345678", "33612345678", "s3cret-token")
    faults: ClassVar[Mapping[Fault, Response]] = {
        Fault.BUSY: Response(
            status=429, document={"code": 20429, "message": "slow"}, headers={"Retry-After": "7"}
        ),
        Fault.REFUSES: Response(
            status=400, document={"code": 21610, "message": "+33612345678 unsubscribed"}
        ),
        Fault.NO_SUCH_RECIPIENT: Response(
            status=400, document={"code": 21211, "message": "+33612345678 is not valid"}
        ),
        Fault.REFUSES_ACCOUNT: Response(
            status=401, document={"code": 20003, "message": "Authenticate s3cret-token"}
        ),
    }

    def account(self, **settings: object) -> SenderAccount:
        return SenderAccount(
            id="chloe-sms",
            channel=Channel.SMS,
            provider="twilio",
            address="+15551234567",
            settings={
                "account_sid": ACCOUNT_SID,
                "api_base": f"http://127.0.0.1:{self.port}",
                "timeout_seconds": 5,
                "connections": 2,
                **settings,
            },
        ).model_copy(update={"secrets": {"auth_token": SecretStr("s3cret-token")}})

    def touch(self, number: int = 1) -> OutboundSms:
        return OutboundSms(
            touch_id=TouchId(number),
            account_id="chloe-sms",
            sender="+15551234567",
            recipient="+33612345678",
            body=f"Bonjour Élodie & co: touch-{number}",
            status_callback=f"https://c.example/sms/{number}",
        )

    def answer(self, request: Request) -> Response:
        login = base64.b64encode(f"{ACCOUNT_SID}:s3cret-token".encode()).decode()
        assert request.headers["authorization"] == f"Basic {login}"
        assert request.path == f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
        return Response(status=201, document={"sid": f"SM{self.arrived:032x}", "status": "queued"})

    def form(self) -> dict[str, str]:
        """The fields of the last request."""
        return {name: "".join(v) for name, v in parse_qs(self.requests[-1].body.decode()).items()}


def _problem(status: int, kind: str, detail: str = "") -> Response:
    document = {"status": status, "type": f"errors/{kind}", "title": kind, "detail": detail}
    return Response(status=status, document=document)


class FakeUnipile(FakeHttp):
    private = ("elodie-dupont", "ACoAA-elodie", "s3cret-key")
    faults: ClassVar[Mapping[Fault, Response]] = {
        Fault.BUSY: _problem(422, "cannot_resend_yet"),
        Fault.REFUSES: _problem(422, "already_invited_recently", "elodie-dupont"),
        Fault.NO_SUCH_RECIPIENT: _problem(422, "invalid_recipient", "ACoAA-elodie"),
        Fault.REFUSES_ACCOUNT: _problem(401, "disconnected_account", "s3cret-key"),
    }

    def account(self, **settings: object) -> SenderAccount:
        return SenderAccount(
            id="chloe-linkedin",
            channel=Channel.SOCIAL,
            provider="unipile",
            address="uni-account-1",
            settings={
                "api_base": f"http://127.0.0.1:{self.port}",
                "timeout_seconds": 5,
                "connections": 2,
                **settings,
            },
        ).model_copy(update={"secrets": {"api_key": SecretStr("s3cret-key")}})

    def touch(self, number: int = 1, action: str = "connect") -> OutboundSocial:
        says = action in ("connect", "message", "inmail")
        return OutboundSocial(
            touch_id=TouchId(number),
            account_id="chloe-linkedin",
            network="linkedin",
            action=action,
            recipient="elodie-dupont",
            text=f"Bonjour Élodie, touch-{number}" if says else "",
            subject="Une idée" if action == "inmail" else "",
        )

    def acts(self, request: Request) -> bool:
        return super().acts(request) or "notify" in request.query

    def answer(self, request: Request) -> Response:
        assert request.headers["x-api-key"] == "s3cret-key"
        match request.method, request.path:
            case "GET", path if path.startswith("/api/v1/users/"):
                assert request.query["account_id"] == ["uni-account-1"]
                return Response(status=200, document={"provider_id": "ACoAA-elodie"})
            case "POST", "/api/v1/users/invite":
                document = {"object": "UserInvitationSent", "invitation_id": f"i{self.arrived}"}
                return Response(status=201, document=document)
            case "POST", "/api/v1/chats":
                document = {"object": "ChatStarted", "chat_id": "c1", "message_id": "m1"}
                return Response(status=201, document=document)
            case "POST", "/api/v1/linkedin":
                return Response(status=200, document={"object": "LinkedinRawData", "data": {}})
        return _problem(404, "resource_not_found")

    def form(self) -> dict[str, str]:
        """The fields of the last multipart request."""
        request = self.requests[-1]
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        message = BytesParser(policy=HTTP).parsebytes(head + request.body)
        fields = {}
        for part in message.iter_parts():
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            name = part.get_param("name", header="content-disposition")
            fields[str(name)] = payload.decode()
        return fields


class FakeReceiver(FakeHttp):
    """A system that is told by webhooks. told: the documents that it took, in order."""

    private = ("t0ken-in-the-address", "c2VjcmV0c2VjcmV0", "elodie@prospect.example")
    secret = "whsec_" + base64.b64encode(b"secret" * 4).decode()
    faults: ClassVar[Mapping[Fault, Response]] = {
        Fault.BUSY: Response(status=429, document=b"", headers={"Retry-After": "7"}),
        Fault.REFUSES: Response(status=410, document={"gone": "elodie@prospect.example"}),
        Fault.REFUSES_ACCOUNT: Response(status=401, document={"error": "c2VjcmV0c2VjcmV0"}),
    }

    def account(self, **settings: object) -> SenderAccount:
        return SenderAccount(
            id="crm",
            channel=Channel.WEBHOOK,
            provider="http",
            address=f"http://127.0.0.1:{self.port}/hooks/t0ken-in-the-address?from=cadenza",
            settings={"timeout_seconds": 5, "connections": 2, "allow_http": True, **settings},
        ).model_copy(update={"secrets": {"signing": SecretStr(self.secret)}})

    def touch(self, number: int = 1) -> OutboundWebhook:
        return OutboundWebhook(
            touch_id=TouchId(number),
            account_id="crm",
            recipient="127.0.0.1",
            document={
                "event": "lead.contacted",
                "touch": number,
                "fields": {"note": f"Élodie: touch-{number}", "email": "elodie@prospect.example"},
            },
        )

    def answer(self, request: Request) -> Response:
        assert (request.method, request.path) == ("POST", "/hooks/t0ken-in-the-address")
        assert request.query == {"from": ["cadenza"]}
        return Response(status=202, document=b"")
