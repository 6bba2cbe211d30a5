"""The accounts in docs/channels are accounts that work, and every setting is told there."""

from pathlib import Path

import pytest

from cadenza.accounts import load_accounts
from cadenza.model import Channel
from senders.email_smtp.settings import SmtpSettings
from senders.registry import sender_type
from senders.settings import ProviderSettings
from senders.sms_twilio import TwilioSettings
from senders.social_unipile import UnipileSettings
from senders.webhook_http import WebhookSettings
from tests.senders.fake_http import FakeReceiver

PAGES = Path(__file__).parents[2] / "docs" / "channels"
REST = """
organisation: {name: Acme, postal_address: 1 Main Street}
owners: [{id: chloe, name: Chloé Martin, email: chloe@example.com}]
"""


@pytest.mark.parametrize("channel", ["email", "sms", "social", "webhook"])
def test_the_account_of_each_page_is_accepted(
    channel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = (PAGES / f"{channel}.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    for name in ("CHLOE_SMTP_PASSWORD", "TWILIO_AUTH_TOKEN", "UNIPILE_API_KEY"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("CRM_WEBHOOK_SECRET", FakeReceiver.secret)
    path = tmp_path / "accounts.yaml"
    path.write_text(REST + example)
    (account,) = load_accounts(path).accounts
    assert account.channel == channel
    sender_type(account).for_account(account)


@pytest.mark.parametrize(
    ("channel", "settings"),
    [
        (Channel.EMAIL, SmtpSettings),
        (Channel.SMS, TwilioSettings),
        (Channel.SOCIAL, UnipileSettings),
        (Channel.WEBHOOK, WebhookSettings),
    ],
)
def test_each_page_tells_every_setting(channel: Channel, settings: type[ProviderSettings]) -> None:
    page = (PAGES / f"{channel}.md").read_text()
    assert [name for name in settings.model_fields if f"| `{name}` |" not in page] == []
