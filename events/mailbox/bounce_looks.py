"""By what one knows a bounce that does not say that it is one."""

import re

from events.mailbox.automatic import is_robot
from events.mailbox.mail import Mail
from events.mailbox.phrases import any_of

# Local parts and names of programs that report. RFC 5321 §4.5.5, RFC 2142.
_DAEMON = any_of(
    r"""
    mail(?:er)?[-_]?daemon
    mdaemon
    mail\.delivery\.system
    """
)
_POSTMASTER = any_of(
    r"""
    post_?master
    mail\.delivery
    """
)
_DAEMON_NAME = any_of(
    r"""
    mail deliver(?:y|er)? ?(?:sub)?system
    delivery (?:sub)?system
    system administrator
    mailer.daemon
    postmaster
    mail system
    content-filter
    """
)
_SUBJECT = any_of(
    r"""
    undeliver(?:able|ed|y)
    delivery (?:status|report|failure|notification|has failed|problem)
    returned (?:e?mail|to sender|message)
    returning message
    mail returned
    (?:mail|message|delivery) (?:delivery )?(?:failed|failure|has failed|delayed|error|could not)
    failure notice
    failure delivery
    could not be delivered
    delayed mail
    not delivered
    error sending your mail
    cannot send message
    loop alert
    email bounce
    postmaster notify
    warning: (?:could not|message)
    mail system error
    non-?deliver
    you (?:\S{1,100} )?are not (?:a )?member
    non.?remis
    message non distribu
    [ée]chec de (?:la )?(?:remise|distribution)
    unzustellbar
    nicht zugestellt
    onbestelbaar
    no se pudo entregar
    no entregado
    mancat[oa] (?:recapito|consegna)
    n[ãa]o entregue
    """
)
_BODY = any_of(
    r"""
    (?:could ?n[o']t|cannot|unable to|failed to) be delivered
    not been delivered
    (?:could not|couldn't|unable to|not able to|cannot|failed to) deliver
    did not reach the following
    had (?:permanent fatal|delivery) (?:errors?|problems)
    delivery to the following recipients? (?:failed|has been delayed)
    transcript of session
    recipients? (?:returned|failed)
    error (?:has occurred )?while attempting to deliver
    mail delivery software
    undeliverable to
    was not delivered to
    exceeds allowed size
    failure reasons
    message is delayed
    delivery (?:failed|error)
    this is the (?:qmail|postfix|mailer-daemon|mail system)
    deliver(?:y|ing) your mail
    """
)
_DELAY = any_of(
    r"""
    delayed
    still being retried
    will (?:be retried|keep trying|retry|continue to (?:try|be))
    warning message only
    do not need to re-?send
    not yet been delivered
    warning: could not
    delivery attempts? will continue
    temporary failure report
    """
)
_GIVEN_UP = any_of(
    r"""
    given up
    giving up
    permanent
    not going to try again
    cannot send
    """
)

# Where the original begins in a report that is all one text.
_ORIGINAL = any_of(
    r"""
    ^[ \t>*-]{0,40}below this line is a copy
    ^[ \t>*-]{0,40}(?:this|below|included) is a copy of
    ^[ \t>*-]{0,40}(?:the )?(?:header of the )?original message (?:is |headers? )?follow
    ^[ \t>*-]{0,40}original message\b
    ^[ \t>*-]{0,40}message headers? follow
    ^[ \t>*-]{0,40}(?:unsent|returned|undelivered) (?:message|mail)[ -]{0,20}(?:follows|below|--)
    ^[ \t>*-]{0,40}the header of the original
    ^[ \t>*-]{0,40}original mail as follows
    ^[ \t>*-]{0,40}forwarded message
    ^received: ?(?:from|by|\()
    ^return-path:
    ^from \S{1,100}@\S{1,100} {1,9}\w{3} \w{3}
    """
)
_SMTP_ERROR = re.compile(r"(?<![\d.])(?:[45]\d\d[ \-:]|[45]\.\d\.\d{1,3}\b)")
_MAX_ERRORS = 20


def looks_like_bounce(mail: Mail, *, null_sender: bool) -> bool:
    """Whether a program reports with `mail` that another mail did not arrive.

    A program's name alone is enough, if no person has it; else sender and
    words must agree, or the subject begin as reports do. A person who
    forwards a report is believed if a server's words are in it.
    """
    if mail.has("x-failed-recipients"):
        return True
    local = mail.sender.partition("@")[0]
    if _DAEMON.fullmatch(local) or (not mail.sender and _DAEMON_NAME.search(mail.header("from"))):
        return True
    notice = notice_text(mail)
    subject = _SUBJECT.search(mail.subject) is not None
    body = _BODY.search(notice) is not None
    if (
        _POSTMASTER.match(local) is not None or _DAEMON_NAME.search(mail.header("from")) is not None
    ) and _SMTP_ERROR.search(notice):
        return True
    if null_sender or _POSTMASTER.match(local) is not None or is_robot(mail.sender):
        return subject or body
    # People answer with "Re:", so what begins like this was begun by a program.
    if _SUBJECT.match(mail.subject):
        return True
    return subject and body and _SMTP_ERROR.search(notice) is not None


def is_warning(mail: Mail) -> bool:
    """Whether the report says that delivery goes on being tried."""
    said = f"{mail.subject}\n{notice_text(mail)}"
    return _DELAY.search(said) is not None and _GIVEN_UP.search(said) is None


def notice_text(mail: Mail) -> str:
    """The report's own words, without the original below them."""
    text = mail.text
    original = _ORIGINAL.search(text)
    return text[: original.start()] if original else text


def error_statements(notice: str) -> list[str]:
    """What servers said, one entry for each reply, with the lines around it; else all of it.

    The two lines before tell to which command it was, the two after go on.
    """
    lines = [line[:1000].strip() for line in notice.split("\n") if line.strip()]
    errors = [index for index, line in enumerate(lines) if _SMTP_ERROR.search(line)][:_MAX_ERRORS]
    if not errors:
        return [" ".join(lines)]
    statements = []
    for index, following in zip(errors, [*errors[1:], len(lines)], strict=True):
        previous = max((error for error in errors if error < index), default=-1)
        begin = max(previous + 1, index - 2)
        statements.append(" ".join(lines[begin : min(following, index + 3)]))
    return statements
