"""Previews as messages: rendered like real ones, but with links that lead where they point."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cadenza.accounts import Accounts
from cadenza.authoring.previewing import Order, Preview, Render
from cadenza.language.cadence import Cadence
from cadenza.links import Links, LinkSigner
from cadenza.model import (
    EnrollmentId,
    Outbound,
    OutboundEmail,
    OutboundSms,
    OutboundSocial,
    OutboundWebhook,
    Profile,
    TaskSpec,
    TouchId,
)
from cadenza.storage.due import DueTouch
from senders.email_smtp.mime import MailComposer
from workers.render import Renderer, RenderRequest

# Of no touch: what a preview's links to unsubscribe and reply lead to is nowhere.
_NOWHERE = "preview.invalid"


def renderer(cadence: Cadence, profile: Profile, accounts: Accounts, now: datetime) -> Render:
    """Renders the touches of one prospect, numbered as they are shown."""
    links = Links(
        signer=LinkSigner([b"preview"]), public_url=f"https://{_NOWHERE}", mail_domain=_NOWHERE
    )
    core = Renderer(accounts, links, tracked=False)

    def render(order: Order) -> Outbound:
        return core.render(
            RenderRequest(
                touch=DueTouch(
                    touch_id=TouchId(order.number),
                    enrollment_id=EnrollmentId(0),
                    step=order.step.step_id,
                    visit=1,
                    channel=order.step.channel,
                    shard=0,
                    account=order.account.id,
                    due_at=now,
                    planned_at=now,
                    window_end=None,
                    attempts=0,
                    reason=None,
                ),
                version_id=0,
                cadence=cadence,
                profile=profile,
                account=order.account,
                recipient=order.recipient,
                thread=[(step, f"<{step}@{_NOWHERE}>") for step in order.thread],
                now=now,
            )
        )

    return render


def headline(preview: Preview) -> str:
    """`3  reminder  email  day 4  (variant fr)`: what a preview is of."""
    marks = [preview.kind, preview.timing]
    if preview.written_as:
        marks.append(f"variant of {preview.written_as}")
    if preview.variant:
        marks.append(f"text {preview.variant}")
    return f"{preview.number}. {preview.step} ({', '.join(mark for mark in marks if mark)})"


def as_text(preview: Preview) -> str:
    """What the recipient reads, or why there is nothing."""
    match preview.made:
        case None:
            return preview.reason + "\n"
        case OutboundEmail() as mail:
            files = "".join(
                f"Attached: {a.name} ({len(a.content):,} octets)\n" for a in mail.attachments
            )
            return f"Subject: {mail.subject}\n{files}\n{mail.text}"
        case OutboundSms(body=body):
            return body + "\n"
        case OutboundSocial() as act:
            subject = f"Subject: {act.subject}\n\n" if act.subject else ""
            return f"{act.network}: {act.action}\n{subject}{act.text}\n"
        case OutboundWebhook(document=document):
            return _json(document)
        case TaskSpec() as task:
            return _task(task)


def files_of(preview: Preview) -> Mapping[str, bytes]:
    """The files of one preview, by name: `.txt`, and `.eml` with `.html`, or `.json`."""
    stem = f"{preview.number:02}-{preview.step}"
    head = f"{headline(preview)}\nTo: {preview.to}\n\n"
    files = {f"{stem}.txt": (head + as_text(preview)).encode()}
    match preview.made:
        case OutboundEmail() as mail:
            files[f"{stem}.eml"] = MailComposer(skeletons=1).compose(mail).data
            files[f"{stem}.html"] = mail.html.encode()
        case OutboundWebhook(document=document):
            files[f"{stem}.json"] = _json(document).encode()
    return files


def as_json(preview: Preview) -> Mapping[str, Any]:
    """One preview for programs."""
    return {
        "number": preview.number,
        "step": preview.step,
        "kind": preview.kind,
        "timing": preview.timing,
        "variant_of": preview.written_as,
        "text_variant": preview.variant or None,
        "to": preview.to or None,
        "reason": preview.reason or None,
        "text": as_text(preview) if preview.made is not None else None,
    }


def _task(task: TaskSpec) -> str:
    parts = [task.title]
    if task.script:
        parts.append(task.script)
    if task.voicemail:
        parts.append(f"Voicemail: {task.voicemail}")
    mandatory = set(task.mandatory)
    parts += [f"[ ] {item}{' (must)' if item in mandatory else ''}" for item in task.checklist]
    parts.append(f"Then: {', '.join(task.dispositions)}")
    return "\n\n".join(parts) + "\n"


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n"
