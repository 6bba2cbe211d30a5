"""The words with which people opt out, whatever channel they use."""

import re
import unicodedata
from enum import StrEnum

_WORD = re.compile(r"[^\W_]+")
_LONGEST_KEYWORD_MESSAGE = 120
_LONGEST_REQUEST = 600


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# One of these must be there; alone or with fillers it is a request to stop.
# https://www.twilio.com/docs/proxy/opt-out-keywords, and what French handsets are told to send.
_STOP = _set(
    """stop stopall stopp unsubscribe optout revoke arret arrett arrete arreter arretez
    desabonner desabonnement desabonnez desinscrire desinscription desinscrivez remove"""
)
# These mean stop only as the whole message: in a sentence they mean other things.
_STOP_ALONE = _set("end quit cancel fin annuler quitter")
_FILLERS = _set(
    """please pls thanks thank you me us all now it this these that here from your the my list
    lists mailing mail mails email emails message messages sms text texts texting emailing
    messaging writing sending contacting contact calling to and
    svp merci vous te plait s il me nous moi de votre vos la les liste listes envoi envois ces
    ce cet courriel courriels maintenant tout"""
)
_START = _set("start unstop")
_HELP = _set("help info aide")

# Whole sentences, without accents. "Do not contact me before Monday" is no request to stop.
_REQUEST = re.compile(
    r"""\b(?:
      (?:stop|quit|cease)\ (?:all\ )?(?:e?mailing|contacting|texting|messaging|writing|sending)
    | (?:do\ not|don't|dont|never)\ (?:ever\ )?(?:contact|e?mail|write|message|text)
        \ (?:to\ )?(?:me|us)\b(?!\ (?:before|until|till|by|on|during|this|next|today|at))
    | (?:remove|delete|take)\ (?:me|us|my\ \w+)\ (?:from|off)\b
    | unsubscribe\ (?:me|us)\b | please\ unsubscribe | opt\ (?:me\ |us\ )?out\b
    | ne\ plus\ (?:recevoir|(?:me\ |nous\ |m')(?:contacter|ecrire|envoyer|solliciter|relancer))\b
    | ne\ (?:me\ |nous\ |m')(?:contactez|ecrivez|sollicitez|relancez|envoyez|appelez)\ plus
    | (?:me|nous)\ (?:retirer|desinscrire|desabonner|supprimer|enlever|radier)\b
    | (?:retirez|desinscrivez|desabonnez|supprimez|enlevez|radiez)-(?:moi|nous)\b
    | (?:arretez|cessez)\ de\ (?:me|m'|nous)
    )""",
    re.VERBOSE,
)


class Keyword(StrEnum):
    """What a short message asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"


def keyword(text: str) -> Keyword | None:
    """What `text` as a whole asks for; None if it is an ordinary message.

    Accents, case and punctuation do not matter. "Please stop" is a
    request to stop; "stop by tomorrow" is not.
    """
    if len(text) > _LONGEST_KEYWORD_MESSAGE:
        return None
    words = _WORD.findall(_plain(text))
    if _are_stop_words(words):
        return Keyword.STOP
    if len(words) == 1 and words[0] in _START:
        return Keyword.START
    if len(words) == 1 and words[0] in _HELP:
        return Keyword.HELP
    return None


def asks_to_stop(text: str) -> bool:
    """Whether somebody who writes `text` wants to hear no more, in English or French.

    Only short texts: in a long one such words may stand for anything, and a person reads it.
    """
    if len(text) > _LONGEST_REQUEST:
        return False
    return keyword(text) is Keyword.STOP or _REQUEST.search(_plain(text)) is not None


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def _are_stop_words(words: list[str]) -> bool:
    if len(words) == 1 and words[0] in _STOP_ALONE:
        return True
    return any(word in _STOP for word in words) and all(
        word in _STOP or word in _FILLERS for word in words
    )
