"""What servers say when they refuse a mail, by the reason that it stands for."""

import re
from enum import StrEnum

from events.mailbox.phrases import any_of


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


# In the order in which they are asked: what accuses sender, content or circumstances comes before
# what accuses the address, because such refusals often name the recipient too. Repetitions are
# bounded, so that no text is slow to search.
PHRASES: tuple[tuple[Reason, re.Pattern[str]], ...] = tuple(
    (reason, any_of(lines))
    for reason, lines in (
        (
            Reason.HOST_UNKNOWN,
            r"""
            account or domain may not exist
            """,
        ),
        (
            Reason.NETWORK,
            r"""
            host not found, try again
            name service error .{0,200}try again
            """,
        ),
        (
            Reason.AUTHENTICATION,
            r"""
            \b(?:spf|dkim|dmarc|sender policy framework|sender ?id)\b
            authentication (?:required|info|checks? fail)
            unauthenticated (?:e?mail|sender)
            purported responsible address
            not authenticated
            """,
        ),
        (
            Reason.REPUTATION,
            r"""
            blacklist
            blocklist
            block ?list
            \b(?:dns[bw]l|rbl)\b
            spamhaus
            spamcop
            \bsorbs\b
            reputation
            blocked using
            banned (?:sending )?ip
            bad dns ptr
            reverse dns
            \bptr\b
            no reverse
            client host (?:\[[^]]*\] )?(?:rejected|blocked)
            cannot find your (?:hostname|reverse)
            mismatches client ip
            ip (?:address )?(?:\S{1,60} )?(?:is |has been )?(?:blocked|banned|listed)
            blocked ip
            connections? not accepted from
            """,
        ),
        (
            Reason.SENDER_REFUSED,
            r"""
            sender (?:address |was |verify |domain )?(?:rejected|denied|refused|failed|not allowed)
            sender (?:is |was )?(?:invalid|unknown)
            domain of sender
            unrout(?:e?able) sender
            sender address .{0,80}does not exist
            mail from \S{0,200} ?(?:rejected|denied|refused|not (?:allowed|accepted))
            (?:invalid|unknown|bad|illegal) sender
            server rejected mail from
            e-?mail to yourself
            recipient preferences
            from: (?:header|address|domain)
            valid from:
            after mail from:
            """,
        ),
        (
            Reason.CONTENT,
            r"""
            \bspam\b
            unsolicited
            \bvirus
            malware
            phish
            infected
            message content
            content (?:rejected|reject|filter)
            scored as
            blacklisted url
            duplicate header
            header error
            headers? too (?:large|long)
            mail rejete
            message (?:was )?(?:refused|rejected|blocked) (?:by|due|because)
            suspicious
            potential(?:ly)? (?:harmful|security)
            mcspamsignature
            """,
        ),
        (
            Reason.MAILBOX_FULL,
            r"""
            (?:mail ?box|inbox|folder|storage|disk|account|maildir)\W{1,5}(?:\S{1,60} ){0,4}full\b
            (?:mail ?box|inbox|folder|storage|disk|account|maildir)\W{1,5}(?:\S{1,60} ){0,4}exceed
            over (?:its |the )?(?:storage|size)? ?limit
            quota
            out of storage
            not enough (?:storage|space|disk)
            insufficient (?:system )?(?:storage|disk)
            no space left
            mail ?box size limit
            exceeds allowed size
            boite pleine
            """,
        ),
        (
            Reason.TOO_LARGE,
            r"""
            (?:message|mail|size|length)\W{1,5}(?:\S{1,60} ){0,4}too (?:big|large|long)
            (?:message|mail|size|length)\W{1,5}(?:\S{1,60} ){0,4}exceeds?\b
            size limit exceeded
            exceeds (?:size|fixed|administrative|the maximum)
            """,
        ),
        (
            Reason.POLICY,
            r"""
            relay(?:ing)? (?:access )?(?:denied|not)
            no relay
            insecure mail relay
            not permitted to relay
            unable to relay
            polic(?:y|ies)
            not (?:allowed|permitted|authori[sz]ed) to (?:send|post|mail)
            (?<!rejected: )access denied
            authrequired
            permission to post
            not (?:a )?member
            delivery not authori[sz]ed
            group you tried to contact
            please use the smtp server
            transport encryption
            """,
        ),
        (
            Reason.RATE,
            r"""
            too many (?:connections|recipients|messages|mails|concurrent|errors|sessions)
            rate limit
            frequency limited
            throttl
            greylist
            try again later
            temporarily (?:deferred|rejected)
            resources temporarily unavailable
            limit exceeded
            """,
        ),
        (
            Reason.MOVED,
            r"""
            no longer (?:on|at|with|available|in use|valid|works?|employed)
            has moved
            moved to
            not our customer
            user has left
            left the (?:company|organi[sz]ation)
            address (?:has )?changed
            """,
        ),
        (
            Reason.NO_MAIL_HERE,
            r"""
            null ?mx
            (?:does not|doesn'?t|do not) (?:accept|receive) (?:e?mail|any mail)
            no smtp service\b
            indicated no smtp
            couldn'?t find (?:a |any )?(?:mail exchanger|host)
            no (?:valid )?mx\b
            name server reply
            has no mail exchanger
            """,
        ),
        (
            Reason.HOST_UNKNOWN,
            r"""
            host (?:\S{1,60} )?(?:unknown|not found)
            unknown host
            nxdomain
            no such (?:host|domain)
            (?:domain|host|hostname)(?: name)?(?: \S{1,60})? (?:not found|invalid|is not reachable)
            (?:domain|host|hostname)(?: name)?(?: \S{1,60})? does(?: not|n'?t) exist
            unrout(?:e?able) (?:mail |address|domain)
            unrouteable
            bad destination
            domain is not reachable
            \S{1,60}\.[a-z]{2,} does not exist\b
            lookup failure
            host_not_found
            illegal host
            """,
        ),
        (
            Reason.SYSTEM,
            r"""
            couldn'?t create
            can(?:no|')t create
            cannot open
            configuration error
            config error
            system error
            local error
            internal (?:system )?error
            unable to contact ldap
            mailer error
            mail for \S{1,60} loops
            too many hops
            hop count
            \bloop
            duplicated message-id
            service refused?
            i/o error
            pipe to \|
            remote protocol error
            command died
            improper sequence
            bad sequence
            """,
        ),
        (
            Reason.MAILBOX_DISABLED,
            r"""
            (?:account|mail ?box|user|address|recipient)\W{1,5}(?:\S{1,60} ){0,5}disabled
            (?:account|mail ?box|user|address|recipient)\W{1,5}(?:\S{1,60} ){0,5}suspended
            (?:account|mail ?box|user|address|recipient)\W{1,5}(?:\S{1,60} ){0,5}(?:inactive|locked)
            (?:account|mail ?box|user|address|recipient)\W{1,5}(?:\S{1,60} ){0,5}discontinued
            (?:account|mail ?box|user|address)\W{1,5}(?:\S{1,60} ){0,5}(?:deactivated|blocked)
            (?:disabled|suspended|inactive|locked|expired) (?:\S{1,60} )?(?:account|mail ?box|user)
            (?:disabled|suspended|inactive|locked|expired) (?:\S{1,60} )?(?:recipient|address)
            not accepting (?:e?mail|messages)
            """,
        ),
        (
            Reason.USER_UNKNOWN,
            r"""
            user (?:\S{1,60} )?(?:is )?(?:unknown|not found|not exist|not known|doesn'?t exist)
            unknown (?:or illegal )?(?:user|recipient|address|mail ?box|local|alias|account)
            no such (?:user|recipient|address|mail ?box|account|person|local|email)
            (?:recipient|address|account|user|alias)(?:\W{1,5}\w{1,60}){0,6} does(?: not|n'?t) exist
            mail ?box(?:\W{1,5}\w{1,60}){0,6} does(?: not|n'?t) exist
            does(?: not|n'?t) have (?:a|an) \S{1,60} account
            (?:invalid|bad|illegal) (?:recipient|address|mail ?box|user|destination mailbox)
            recipient(?: name| address)?(?: \S{1,60})? (?:is )?not (?:found|recogni[sz]ed|known)
            recipnotfound
            recipientnotfound
            not listed in
            address (?:not found|unknown)
            address rejected(?!\s*:)
            address rejected: access denied
            adresse destinataire invalide
            utilisateur inconnu
            invalid final delivery
            no valid recipients for
            destinataire inconnu
            mailbox (?:unavailable|not (?:found|available))
            no mailbox
            user unknown
            unknown in
            not a (?:valid|known) (?:user|mailbox|recipient|address)
            empf[äa]nger unbekannt
            usuario desconocido
            no existe
            nicht gefunden
            mailbox name not allowed
            rcptto: no such
            isn'?t in my control
            can(?:no|')t find (?:the )?(?:user|recipient)
            (?:not|isn'?t) a local user
            sorry, no mailbox
            ^\W*542 .{1,300} rejected
            """,
        ),
        (
            Reason.SYSTEM,
            r"""
            service (?:currently )?unavailable
            """,
        ),
        (
            Reason.NETWORK,
            r"""
            connection (?:refused|reset|lost|timed? ?out)
            lost connection
            timed? ?out
            network (?:error|is unreachable)
            no route to host
            socket error
            name service error
            dns (?:error|failure)
            did not accept our requests to connect
            temporar(?:y|ily) (?:failure|unavailable)
            could not connect
            can(?:no|')t connect
            unable to connect
            could not find a gateway
            """,
        ),
        (
            Reason.EXPIRED,
            r"""
            expired
            retry time(?:out)?\b
            time ?out exceeded
            too long in
            in the queue too long
            giving up
            could not (?:be delivered|deliver|send)(?: message)? for
            delivery failed \d+ attempts
            not be sent for
            for the (?:last|past)\b
            """,
        ),
    )
)
