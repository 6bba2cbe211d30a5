import pytest

from events.mailbox.diagnosis import diagnose
from events.mailbox.diagnosis_words import Reason

HARD = [
    ("550 5.1.1 <jane@example.com>: Recipient address rejected: User unknown", ""),
    ("550-5.1.1 The email account that you tried to reach does not exist. Please try", ""),
    ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP lookup", ""),
    ("550 5.4.1 [jane@example.com]: Recipient address rejected: Access denied", ""),
    ("550 <jane@example.com>: User unknown", "5.0.0"),
    ("550 5.1.1 Requested action not taken: mailbox unavailable", ""),
    ("553 5.3.0 <jane@example.com>... No such user here (in reply to RCPT TO command)", ""),
    ("551 not our customer", ""),
    ("550 5.1.6 recipient no longer on server: jane@example.com", ""),
    ("554 delivery error: dd This user doesn't have a yahoo.com account", "5.0.0"),
    ("The domain example.com doesn't receive email: returned Null MX", "5.0.0"),
    ("Domain does not exist", ""),
    ("550 5.4.4 Unable to route: no mail hosts for domain", ""),
    ("556 5.1.10 <jane@example.com>: this domain accepts no mail", ""),
    ("User Jane (jane@example.com) not listed in Domino Directory", ""),
    ("550 5.5.0 Adresse destinataire invalide. Invalid recipient. (after RCPT TO)", ""),
    ("450 4.1.1 <jane@example.com>: Recipient address rejected: User unknown in table", ""),
    ("", "5.1.1"),
    ("", "5.1.2"),
    ("", "5.1.10"),
]

SOFT = [
    ("552 5.2.2 <jane@example.com>: mailbox full", "", Reason.MAILBOX_FULL),
    ("552 sorry, mailbox jane@example.com is over quota (#5.1.1)", "", Reason.MAILBOX_FULL),
    ("550 5.2.1 The email account is disabled.", "", Reason.MAILBOX_DISABLED),
    ("550 5.7.1 Message rejected as spam by Content Filtering.", "", Reason.CONTENT),
    ("550 5.7.1 blocked using zen.spamhaus.org; user unknown", "", Reason.REPUTATION),
    ("550-5.7.26 Unauthenticated email is not accepted: DMARC policy", "", Reason.AUTHENTICATION),
    ("553 5.1.8 <ann@example.com>... Domain of sender address does not exist", "", None),
    ("554 5.7.1 <jane@example.com>: Relay access denied", "", Reason.POLICY),
    ("550 5.1.1 Refused due to recipient preferences", "", Reason.SENDER_REFUSED),
    ("552 5.3.4 Message size exceeds fixed maximum message size", "", Reason.TOO_LARGE),
    ("451 4.4.1 connect to mx.example.com[192.0.2.1]:25: Connection timed out", "", Reason.NETWORK),
    ("421 4.7.0 Too many connections, try again later", "", Reason.RATE),
    ("retry timeout exceeded", "", None),
    ("Host not found, try again", "4.4.3", Reason.NETWORK),
    ("DNS type 'mx' lookup of example.com responded with code NXDOMAIN", "4.0.0", Reason.NETWORK),
    ("550 5.2.0 <jane@example.com>... User unknown (in reply to end of DATA command)", "", None),
    ("550 User unknown", "", Reason.USER_DOUBTED),
    ("550 5.6.0 <jane@example.com>: Recipient address rejected: Media error", "", Reason.CONTENT),
    ("something went wrong", "", Reason.UNDETERMINED),
    ("", "5.0.0", Reason.UNDETERMINED),
    ("", "4.4.7", None),
    ("", "", Reason.UNDETERMINED),
]


@pytest.mark.parametrize(("words", "status"), HARD)
def test_what_says_that_the_address_does_not_exist_is_hard(words: str, status: str) -> None:
    assert diagnose(words, status=status).is_hard, diagnose(words, status=status)


@pytest.mark.parametrize(("words", "status", "reason"), SOFT)
def test_everything_else_is_soft(words: str, status: str, reason: Reason | None) -> None:
    found = diagnose(words, status=status)
    assert not found.is_hard, found
    assert reason is None or found.reason is reason


def test_codes_are_found_in_the_words() -> None:
    found = diagnose("550 5.1.1 unknown user", status="5.0.0")
    assert (found.status, found.code) == ("5.1.1", "550")
    assert diagnose("550 5.0.0 error", status="5.2.2").status == "5.2.2"
    assert diagnose("192.0.2.5 said 5.1").status == ""


def test_names_and_links_do_not_accuse_anybody() -> None:
    words = "550 5.1.1 <spam.virus@quota.example>: user unknown, see https://x.example/blacklist"
    assert diagnose(words).reason is Reason.USER_UNKNOWN


def test_the_stage_may_be_told_by_the_rest_of_the_report() -> None:
    words = "550 5.0.0 User unknown"
    assert not diagnose(words).is_hard
    assert diagnose(words, circumstances=">>> DATA\n<<< 550 x\n<<< 503 Need RCPT").is_hard
    assert not diagnose(words, circumstances=">>> DATA\n<<< 550 5.0.0 User unknown").is_hard
