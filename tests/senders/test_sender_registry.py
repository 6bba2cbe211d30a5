import pytest

from cadenza.accounts import SenderAccount
from cadenza.errors import ConfigurationError
from cadenza.model import SENDING_CHANNELS, Channel
from senders.email_smtp.sender import SmtpSender
from senders.registry import sender_type, sender_types


def test_every_sending_channel_has_a_sender() -> None:
    assert {channel for channel, _ in sender_types()} == set(SENDING_CHANNELS)
    assert sender_types()[Channel.EMAIL, "smtp"] is SmtpSender


def test_an_unknown_provider_is_told_with_those_that_exist() -> None:
    account = SenderAccount(id="a", channel=Channel.SMS, provider="smtp", address="+15551234567")
    with pytest.raises(ConfigurationError, match=r"'a'.*'smtp'.*channel sms; write one of: twilio"):
        sender_type(account)
