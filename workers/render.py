"""From a due touch to the message that leaves: templates, links, threading, attachments."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.accounts import Accounts, SenderAccount
from cadenza.language.cadence import Cadence
from cadenza.links import Links
from cadenza.model import (
    Outbound,
    OutboundEmail,
    OutboundSms,
    OutboundSocial,
    OutboundWebhook,
    Profile,
    TouchId,
)
from cadenza.recipients import Recipient
from cadenza.steps.email import EmailStep
from cadenza.steps.sms import SmsStep
from cadenza.steps.social import SocialStep
from cadenza.steps.webhook import WebhookStep
from cadenza.storage.due import DueTouch
from cadenza.variables import audience_for, variables_for

_HREF = re.compile(r'href="(https?://[^"]+)"')


@dataclass(frozen=True, kw_only=True)
class RenderRequest:
    """One touch with all that its message is made of.

    thread: (step, Message-ID), oldest first. crm_status: of the enrollment, if it has one.
    """

    touch: DueTouch
    version_id: int
    cadence: Cadence
    profile: Profile
    account: SenderAccount
    recipient: Recipient
    thread: Sequence[tuple[str, str]]
    now: datetime
    crm_status: str | None = None


class Renderer:
    """Renders touches. Pure but for the compiled templates inside the cadence.

    tracked: links go through the click redirect, and mails have an open pixel.
    """

    def __init__(self, accounts: Accounts, links: Links, *, tracked: bool = True) -> None:
        self._accounts = accounts
        self._links = links
        self._is_tracked = tracked

    def render(self, request: RenderRequest) -> Outbound:
        """The finished message. Raises MissingVariable; then nothing may go out."""
        step = request.cadence.steps[request.touch.step]
        touch_id = request.touch.touch_id
        variables = variables_for(
            request.profile,
            self._accounts,
            request.account,
            self._links.unsubscribe(touch_id),
            cadence=request.cadence,
            to=request.recipient.party,
        )
        match step:
            case EmailStep():
                return self._email(request, step, variables)
            case SmsStep():
                return OutboundSms(
                    touch_id=touch_id,
                    account_id=request.account.id,
                    sender=request.account.address,
                    recipient=request.recipient.address,
                    body=step.render(variables),
                    status_callback=self._links.sms_status(touch_id),
                )
            case SocialStep():
                return OutboundSocial(
                    touch_id=touch_id,
                    account_id=request.account.id,
                    network=step.network,
                    action=step.action,
                    recipient=request.recipient.address,
                    text=step.render(variables),
                    subject=step.render_subject(variables),
                )
            case WebhookStep():
                return self._webhook(request, step, variables)
            case _:
                raise TypeError(f"step {request.touch.step!r} sends nothing")

    def _email(
        self, request: RenderRequest, step: EmailStep, variables: Mapping[str, object]
    ) -> OutboundEmail:
        touch_id, account, links = request.touch.touch_id, request.account, self._links
        references = _references(step, request.thread)
        audience = audience_for(
            request.profile, cadence=request.cadence, to=request.recipient.party
        )
        begun_by = next((name for name, _ in request.thread if name in step.starts), None)
        rendered = step.render(
            variables, in_thread=bool(references), audience=audience, begun_by=begun_by
        )
        sales = not request.cadence.service
        return OutboundEmail(
            touch_id=touch_id,
            account_id=account.id,
            skeleton=(
                request.version_id,
                f"{request.touch.step}|{rendered.variant}",
                account.id,
            ),
            sender_name=account.name,
            sender_address=account.address,
            recipient_name=request.recipient.name,
            recipient=request.recipient.address,
            envelope_from=links.bounce_address(touch_id),
            reply_to=links.reply_address(touch_id),
            subject=rendered.subject,
            text=rendered.text,
            html=self._tracked(rendered.html, touch_id, str(variables["unsubscribe_url"])),
            message_id=links.message_id(touch_id),
            in_reply_to=references[-1] if references else None,
            references=references,
            list_id=f"<{request.cadence.name}.{account.address.rpartition('@')[2]}>",
            unsubscribe_url=links.unsubscribe(touch_id) if sales else None,
            unsubscribe_mailto=links.unsubscribe_address(touch_id) if sales else None,
            date=request.now,
            attachments=step.attach(variables),
        )

    def _webhook(
        self, request: RenderRequest, step: WebhookStep, variables: Mapping[str, object]
    ) -> OutboundWebhook:
        touch, profile = request.touch, request.profile
        return OutboundWebhook(
            touch_id=touch.touch_id,
            account_id=request.account.id,
            recipient=request.recipient.address,
            document={
                "event": step.event,
                "touch": touch.touch_id,
                "cadence": request.cadence.name,
                "step": touch.step,
                "enrollment": touch.enrollment_id,
                "prospect": profile.key,
                "subject": profile.subject.get("id"),
                "fields": step.render(variables),
                "at": request.now.isoformat(),
                **_crm(request),
            },
        )

    def _tracked(self, body: str, touch_id: TouchId, unsubscribe_url: str) -> str:
        """Links go through the click redirect (but never the opt-out), and a pixel is added."""
        if not self._is_tracked:
            return body

        def redirect(match: re.Match[str]) -> str:
            target = html.unescape(match[1])
            if target == unsubscribe_url:
                return match[0]
            return f'href="{html.escape(self._links.click(touch_id, target))}"'

        pixel = f'<img src="{self._links.pixel(touch_id)}" width="1" height="1" alt="">'
        tracked = _HREF.sub(redirect, body)
        head, end, tail = tracked.rpartition("</body>")
        return f"{head}{pixel}{end}{tail}" if end else tracked + pixel


def _crm(request: RenderRequest) -> Mapping[str, object]:
    """The status of an enrollment that has one, with the CRM's own field and value for it."""
    statuses = request.cadence.statuses
    status = request.crm_status or (statuses.first if statuses else None)
    if statuses is None or status is None:
        return {}
    value = statuses.rules[status].crm
    return {"status": {"name": status, "field": statuses.field, "value": value}}


def _references(step: EmailStep, thread: Sequence[tuple[str, str]]) -> Sequence[str]:
    """Message-IDs that a follow-up cites, oldest first (RFC 5322 §3.6.4); empty: a new thread."""
    if step.thread_with is None:
        return ()
    starts = [n for n, (step_id, _) in enumerate(thread) if step_id in step.starts]
    return [message_id for _, message_id in thread[starts[0] :]] if starts else ()
