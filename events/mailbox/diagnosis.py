"""Why a mail was not delivered: is the address at fault for good (hard), or anything else (soft)?

A hard bounce suppresses the address, so it takes positive evidence that
the mailbox or its host does not exist. A full mailbox, a policy, a
blocklist, a time-out and whatever cannot be told are soft. Servers'
words count first, because many send `5.1.1` for everything or `5.0.0` for
an unknown user; then the enhanced status code (RFC 3463), then the
reply code (RFC 5321 §4.2.3).
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a mail bounced. The first four are hard."""

    USER_UNKNOWN = "user_unknown"
    HOST_UNKNOWN = "host_unknown"
    NO_MAIL_HERE = "no_mail_here"
    MOVED = "moved"
    MAILBOX_FULL = "mailbox_full"
    MAILBOX_DISABLED = "mailbox_disabled"
    TOO_LARGE = "too_large"
    SENDER_REFUSED = "sender_refused"
    AUTHENTICATION = "authentication"
    REPUTATION = "reputation"
    CONTENT = "content"
    POLICY = "policy"
    RATE = "rate"
    NETWORK = "network"
    EXPIRED = "expired"
    SYSTEM = "system"
    USER_DOUBTED = "user_doubted"
    UNDETERMINED = "undetermined"


_HARD = frozenset((Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.NO_MAIL_HERE, Reason.MOVED))


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """status: enhanced code or empty. code: three-digit reply or empty."""

    reason: Reason
    status: str = ""
    code: str = ""

    @property
    def is_hard(self) -> bool:
        """Whether the address will never work."""
        return self.reason in _HARD


# In the order in which they are asked: what accuses sender, content or circumstances comes before
# what accuses the address, because such refusals often name the recipient too.
_PHRASES: tuple[tuple[Reason, str], ...] = (
    (Reason.HOST_UNKNOWN, r"account or domain may not exist"),
    (Reason.NETWORK, r"host not found, try again|name service error .{0,200}try again"),
    (
        Reason.AUTHENTICATION,
        r"\b(?:spf|dkim|dmarc|sender policy framework|sender ?id)\b|authentication (?:required|info|checks? fail)"
        r"|unauthenticated (?:e?mail|sender)|purported responsible address|not authenticated",
    ),
    (
        Reason.REPUTATION,
        r"blacklist|blocklist|block ?list|\b(?:dns[bw]l|rbl)\b|spamhaus|spamcop|sorbs|reputation"
        r"|blocked using|banned (?:sending )?ip|bad dns ptr|reverse dns|\bptr\b|no reverse"
        r"|client host (?:\[[^]]*\] )?(?:rejected|blocked)|cannot find your (?:hostname|reverse)"
        r"|mismatches client ip|ip (?:address )?(?:\S{1,60} )?(?:is |has been )?(?:blocked|banned|listed)"
        r"|blocked ip|connections? not accepted from",
    ),
    (
        Reason.SENDER_REFUSED,
        r"sender (?:address |was |verify |domain )?(?:rejected|denied|refused|failed|not allowed)"
        r"|sender (?:is |was )?(?:invalid|unknown)|domain of sender|unrout(?:e?able) sender"
        r"|sender address .{0,80}does not exist|mail from .{0,200}(?:rejected|denied|refused|not)"
        r"|(?:invalid|unknown|bad|illegal) sender|server rejected mail from"
        r"|yourself|recipient preferences|from: (?:header|address|domain)|valid from:|after mail from:",
    ),
    (
        Reason.CONTENT,
        r"\bspam\b|unsolicited|virus|malware|phish|infected|message content|content (?:rejected|reject"
        r"|filter)|scored as|blacklisted url|duplicate header|header error|headers? too (?:large|long)"
        r"|mail rejete|message (?:was )?(?:refused|rejected|blocked) (?:by|due|because)"
        r"|suspicious|potential(?:ly)? (?:harmful|security)|mcspamsignature",
    ),
    (
        Reason.MAILBOX_FULL,
        r"(?:mail ?box|inbox|folder|storage|disk|account|user|maildir)\W{1,5}(?:\S{1,60} ){0,4}"
        r"(?:is |are )?(?:almost |now )?(?:full|over ?quota|over (?:its |the )?(?:storage|quota|limit)"
        r"|exceed)|quota|out of storage|not enough (?:storage|space|disk)|insufficient (?:system )?"
        r"(?:storage|disk)|no space left|mail ?box size limit|exceeds allowed size|mailbox full"
        r"|boite pleine|mailbox for user is full|\bover ?quota\b",
    ),
    (
        Reason.TOO_LARGE,
        r"(?:message|mail|size|length)\W{1,5}(?:\S{1,60} ){0,4}(?:too (?:big|large|long)|exceeds?\b)"
        r"|size limit exceeded|exceeds (?:size|fixed|administrative|the maximum)",
    ),
    (
        Reason.POLICY,
        r"relay(?:ing)? (?:access )?(?:denied|not)|no relay|insecure mail relay|not permitted to relay"
        r"|unable to relay|polic(?:y|ies)|not (?:allowed|permitted|authori[sz]ed) to (?:send|post|mail)"
        r"|(?<!rejected: )access denied|authrequired|permission to post|not (?:a )?member|delivery not"
        r" authori[sz]ed|group you tried to contact|please use the smtp server|transport encryption",
    ),
    (
        Reason.RATE,
        r"too many (?:connections|recipients|messages|mails|concurrent|errors|sessions)|rate limit"
        r"|frequency limited|throttl|greylist|try again later|temporarily (?:deferred|rejected)"
        r"|resources temporarily unavailable|limit exceeded",
    ),
    (
        Reason.MOVED,
        r"no longer (?:on|at|with|available|in use|valid|works?|employed)|has moved|moved to"
        r"|not our customer|user has left|left the (?:company|organi[sz]ation)|address (?:has )?changed",
    ),
    (
        Reason.NO_MAIL_HERE,
        r"null ?mx|(?:does not|doesn'?t|do not) (?:accept|receive) (?:e?mail|any mail)|no smtp service\b"
        r"|indicated no smtp|couldn'?t find (?:a |any )?(?:mail exchanger|host)|no (?:valid )?mx\b"
        r"|name server reply|has no mail exchanger",
    ),
    (
        Reason.HOST_UNKNOWN,
        r"host (?:\S{1,60} )?(?:unknown|not found)|unknown host|nxdomain|no such (?:host|domain)"
        r"|(?:domain|host|hostname)(?: name)?(?: \S{1,60})? (?:not found|does(?: not|n'?t) exist|is invalid"
        r"|is not reachable|invalid)|unrout(?:e?able) (?:mail |address|domain)|unrouteable|bad destination"
        r"|domain is not reachable|\S{1,60}\.[a-z]{2,} does not exist\b|lookup failure|host_not_found"
        r"|illegal host",
    ),
    (
        Reason.SYSTEM,
        r"couldn'?t create|can(?:no|')t create|cannot open|configuration error|config error"
        r"|system error|local error|internal (?:system )?error|unable to contact ldap|mailer error"
        r"|mail for \S{1,60} loops|too many hops|hop count|\bloop|duplicated message-id"
        r"|service refused?|i/o error|pipe to \||remote protocol error"
        r"|command died|improper sequence|bad sequence",
    ),
    (
        Reason.MAILBOX_DISABLED,
        r"(?:account|mail ?box|user|address|recipient)\W{1,5}(?:\S{1,60} ){0,5}(?:disabled|suspended|inactive"
        r"|locked|deactivated|discontinued|blocked)|(?:disabled|suspended|inactive|locked|expired)"
        r" (?:\S{1,60} )?(?:account|mail ?box|user|recipient|e?mail address|address)|not accepting (?:e?mail|messages)",
    ),
    (
        Reason.USER_UNKNOWN,
        r"user (?:\S{1,60} )?(?:is )?(?:unknown|not found|not exist|not known|doesn'?t exist)|unknown"
        r" (?:or illegal )?(?:user|recipient|address|mail ?box|local|alias|account)|no such (?:user"
        r"|recipient|address|mail ?box|account|person|local|email)|(?:recipient|address|mail ?box"
        r"|account|user|e?mail|alias)\b(?:\W{1,5}\w{1,60}){0,6}\W{1,5}(?:does(?: not|n'?t)|do not|did not) exist"
        r"|does(?: not|n'?t) have (?:a|an) \S{1,60} account|(?:invalid|bad|illegal) (?:recipient|address"
        r"|mail ?box|user|destination mailbox)|recipient(?: name| address)?(?: \S{1,60})? (?:is )?not (?:found"
        r"|recogni[sz]ed|known)|recipnotfound|recipientnotfound|not listed in|address (?:not found|unknown)"
        r"|address rejected(?!\s*:)|address rejected: access denied|adresse destinataire invalide"
        r"|utilisateur inconnu|invalid final delivery|no valid recipients for"
        r"|destinataire inconnu|mailbox (?:unavailable|not (?:found|available))|no mailbox"
        r"|user unknown|unknown in|not a (?:valid|known) (?:user|mailbox|recipient|address)"
        r"|empf[äa]nger unbekannt|usuario desconocido|no existe|nicht gefunden|mailbox name not allowed"
        r"|rcptto: no such|isn'?t in my control|can(?:no|')t find (?:the )?(?:user|recipient)"
        r"|(?:not|isn'?t) a local user|sorry, no mailbox|^\W*542 .{1,300} rejected",
    ),
    (Reason.SYSTEM, r"service (?:currently )?unavailable"),
    (
        Reason.NETWORK,
        r"connection (?:refused|reset|lost|timed? ?out)|lost connection|timed? ?out|network (?:error"
        r"|is unreachable)|no route to host|socket error|name service error|dns (?:error|failure)"
        r"|did not accept our requests to connect|temporar(?:y|ily) (?:failure|unavailable)|could not connect"
        r"|can(?:no|')t connect|unable to connect|could not find a gateway",
    ),
    (
        Reason.EXPIRED,
        r"expired|retry time(?:out)? |time ?out exceeded|too long in|in the queue too long|giving up"
        r"|could not (?:be delivered|deliver|send)(?: message)? for|delivery failed \d+ attempts"
        r"|not be sent for|for the (?:last|past) ",
    ),
)
_MATCHERS = tuple((reason, re.compile(words, re.IGNORECASE)) for reason, words in _PHRASES)

# RFC 3463 §3.2 to §3.8 and the IANA registry of enhanced status codes.
_BY_STATUS: tuple[tuple[str, Reason], ...] = (
    ("1.0", Reason.USER_UNKNOWN),
    ("1.10", Reason.NO_MAIL_HERE),
    ("1.1", Reason.USER_UNKNOWN),
    ("1.2", Reason.HOST_UNKNOWN),
    ("1.3", Reason.USER_UNKNOWN),
    ("1.6", Reason.MOVED),
    ("1.7", Reason.SENDER_REFUSED),
    ("1.8", Reason.SENDER_REFUSED),
    ("2.1", Reason.MAILBOX_DISABLED),
    ("2.2", Reason.MAILBOX_FULL),
    ("2.3", Reason.TOO_LARGE),
    ("2", Reason.UNDETERMINED),
    ("3.4", Reason.TOO_LARGE),
    ("3", Reason.SYSTEM),
    ("4.310", Reason.HOST_UNKNOWN),
    ("4.4", Reason.HOST_UNKNOWN),
    ("4.7", Reason.EXPIRED),
    ("4", Reason.NETWORK),
    ("6", Reason.CONTENT),
    ("7.13", Reason.MAILBOX_DISABLED),
    ("7.26", Reason.AUTHENTICATION),
    ("7", Reason.POLICY),
)
# RFC 5321 §4.2.3, RFC 7504 §4. The others say too little.
_BY_CODE = {"521": Reason.NO_MAIL_HERE, "551": Reason.MOVED, "556": Reason.NO_MAIL_HERE}
_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.\-#])([45]\d\d)(?=[ \-:;,]|$)")
_AFTER_DATA = re.compile(
    r"in reply to (?:the )?end of data|after (?:end of data|data\b)|>>> data\s+<<< 5|text command"
    r"|transmission failure|after i sent the message|smtp command data",
    re.IGNORECASE,
)
_AFTER_RCPT = re.compile(
    r"in reply to rcpt|after rcpt|>>> rcpt|\[rcpt_to\]|our rcpt|does not like recipient|smtp:rcpt|rcpt to respon"
    # A pipelined RCPT's refusal is read after DATA was sent; then DATA is refused for want of one.
    r"|need rcpt|no valid recipients|rcpt commands? (?:were rejected|must precede)",
    re.IGNORECASE,
)
_NO_ACCOUNT = re.compile(r"does(?: not|n'?t) have (?:a|an) \S{1,60} account", re.IGNORECASE)
_BARE_CODE = re.compile(r"\b5\d\d\b(?![^@]{0,60}@)")
_QUOTED_ADDRESS = re.compile(r"<?[^\s<>@]{1,128}@([^\s<>:;,]{1,200})>?")
_URL = re.compile(r"https?://([\w.-]{1,200})\S*", re.IGNORECASE)


def diagnose(words: str, *, status: str = "", circumstances: str = "") -> Diagnosis:
    """What `words` (the server's, else the report's) and `status` (the report's) say.

    circumstances: the readable part of the report, for what the words
    leave open. Pure; each expression is linear in what it reads.
    """
    words = words[:4_000]
    in_words = _STATUS.search(words)
    stated = in_words[1] if in_words else status
    if in_words and stated.endswith(".0.0") and status and not status.endswith(".0.0"):
        stated = status
    code = _CODE.search(words)
    found = Diagnosis(
        reason=_reason(words, stated, circumstances[:8_000]),
        status=stated,
        code=code[1] if code else "",
    )
    if found.reason in (Reason.UNDETERMINED, Reason.SYSTEM) and found.code in _BY_CODE:
        return Diagnosis(reason=_BY_CODE[found.code], status=stated, code=found.code)
    return found


def _reason(words: str, status: str, circumstances: str) -> Reason:
    said = _said(words)
    reason = _by_words(said)
    if reason is None:
        reason = _by_status(status)
    if reason is Reason.USER_UNKNOWN and _address_is_in_doubt(words, status, circumstances):
        return Reason.USER_DOUBTED
    if reason in (Reason.HOST_UNKNOWN, Reason.NO_MAIL_HERE) and status.startswith("4"):
        return Reason.NETWORK  # a name server's answer that may change
    if reason is Reason.MAILBOX_DISABLED and status.endswith(".1.1"):
        return Reason.USER_UNKNOWN
    return reason


def _said(words: str) -> str:
    """Words only: what addresses and the paths of links happen to spell must not count."""
    return _QUOTED_ADDRESS.sub("@", _URL.sub(r"\1", words))


def _by_words(said: str) -> Reason | None:
    return next((reason for reason, words in _MATCHERS if words.search(said)), None)


def _by_status(status: str) -> Reason:
    subject = status.partition(".")[2]
    if status.startswith("5") and subject:
        for prefix, reason in _BY_STATUS:
            if subject == prefix or subject.startswith(prefix + "."):
                return reason
    return Reason.UNDETERMINED


def _address_is_in_doubt(words: str, status: str, circumstances: str) -> bool:
    """Whether "user unknown" may have been said of the message, or of a mailbox that exists.

    5.1.x says in so many words that it is the address, and so does a
    refusal of RCPT. A server that has accepted RCPT and refuses after DATA
    judged more than the address; 5.2.x and 5.3.x say that mailbox or
    system are at fault; and a bare `550` that names nobody says nothing.
    """
    text = f"{words}\n{circumstances}"
    if status.startswith(("5.1.", "4.1.")) or _AFTER_RCPT.search(text) or _NO_ACCOUNT.search(words):
        return False
    if _AFTER_DATA.search(text) or status.startswith(("5.2.", "5.3.")):
        return True
    return status in ("", "5.0.0") and _BARE_CODE.search(words) is not None
