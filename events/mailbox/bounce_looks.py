"""By what one knows a bounce that does not say that it is one."""

import re

from events.mailbox.automatic import is_robot
from events.mailbox.mail import Mail

_I = re.IGNORECASE

# Local parts and names of programs that report. RFC 5321 §4.5.5, RFC 2142.
_DAEMON = re.compile(r"mail(?:er)?[-_]?daemon|mdaemon|mail\.delivery\.system", _I)
_POSTMASTER = re.compile(r"post_?master|mail\.delivery", _I)
_DAEMON_NAME = re.compile(
    r"mail deliver(?:y|er)? ?(?:sub)?system|delivery (?:sub)?system|system administrator"
    r"|mailer.daemon|postmaster|mail system|content-filter",
    _I,
)
_SUBJECTS = (
    r"undeliver(?:able|ed|y)",
    r"delivery (?:status|report|failure|notification|has failed|problem)",
    r"returned (?:e?mail|to sender|message)|returning message|mail returned",
    r"(?:mail|message|delivery) (?:delivery )?(?:failed|failure|has failed|delayed|error|could not)",
    r"failure notice|failure delivery|could not be delivered|delayed mail|not delivered",
    r"error sending your mail|cannot send message|loop alert|email bounce|postmaster notify",
    r"warning: (?:could not|message)|mail system error|non-?deliver",
    r"you (?:\S{1,100} )?are not (?:a )?member",
    r"non.?remis|message non distribu|[ée]chec de (?:la )?(?:remise|distribution)",
    r"unzustellbar|nicht zugestellt|onbestelbaar|no se pudo entregar|no entregado",
    r"rifiutat|mancat[oa] (?:recapito|consegna)|n[ãa]o entregue",
)
_SUBJECT = re.compile("|".join(_SUBJECTS), _I)
_BODIES = (
    r"(?:could ?n[o']t|cannot|unable to|failed to) be delivered|not been delivered",
    r"(?:could not|couldn't|unable to|not able to|cannot|failed to) deliver",
    r"did not reach the following|had (?:permanent fatal|delivery) (?:errors?|problems)",
    r"delivery to the following recipients? (?:failed|has been delayed)|transcript of session",
    r"recipients? (?:returned|failed)|error (?:has occurred )?while attempting to deliver",
    r"mail delivery software|undeliverable to|was not delivered to|exceeds allowed size",
    r"failure reasons|message is delayed|delivery (?:failed|error)",
    r"this is the (?:qmail|postfix|mailer-daemon|mail system)|deliver(?:y|ing) your mail",
)
_BODY = re.compile("|".join(_BODIES), _I)
_DELAYS = (
    r"delayed|still being retried|will (?:be retried|keep trying|retry|continue to (?:try|be))",
    r"warning message only|do not need to re-?send|not yet been delivered|warning: could not",
    r"delivery attempts? will continue|temporary failure report",
)
_DELAY = re.compile("|".join(_DELAYS), _I)
_GIVEN_UP = re.compile(r"given up|giving up|permanent|not going to try again|cannot send", _I)

# Where the original begins in a report that is all one text.
_ORIGINALS = (
    r"below this line is a copy|(?:this|below|included) is a copy of",
    r"(?:the )?(?:header of the )?original message (?:is |headers? )?follow|original message\b",
    r"message headers? follow|(?:unsent|returned|undelivered) (?:message|mail)[ -]*(?:follows|below|--)",
    r"the header of the original|original mail as follows|forwarded message",
)
_ORIGINAL = re.compile(
    rf"^[ \t>*-]{{0,40}}(?:{'|'.join(_ORIGINALS)}).{{0,200}}$"
    r"|^(?:received: ?(?:from|by|\()|return-path: |from \S{1,100}@\S{1,100} +\w{3} \w{3})",
    _I | re.MULTILINE,
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
    if _DAEMON.fullmatch(local) or not mail.sender and _DAEMON_NAME.search(mail.header("from")):
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
