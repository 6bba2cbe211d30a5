"""The fake provider of each sender. A new sender needs one here, and is covered."""

from collections.abc import Mapping

from cadenza.model import Channel
from tests.senders.fake_http import FakeReceiver, FakeTwilio, FakeUnipile
from tests.senders.fake_smtp import FakeSmtp
from tests.senders.servers import FakeProvider

FAKES: Mapping[tuple[Channel, str], type[FakeProvider]] = {
    (Channel.EMAIL, "smtp"): FakeSmtp,
    (Channel.SMS, "twilio"): FakeTwilio,
    (Channel.SOCIAL, "unipile"): FakeUnipile,
    (Channel.WEBHOOK, "http"): FakeReceiver,
}
