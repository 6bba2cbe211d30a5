"""The few pages that prospects see: small, accessible, without scripts, in English and French."""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Literal, NamedTuple

Language = Literal["en", "fr"]

PAGE_MEDIA_TYPE = "text/html; charset=utf-8"

_STYLE = (
    "body{font:1.125rem/1.5 system-ui,sans-serif;margin:0;color:#1b1b1b;background:#fff}"
    "main{max-width:34rem;margin:12vh auto;padding:0 1.25rem}"
    "h1{font-size:1.5rem}"
    "button{font:inherit;font-weight:600;padding:.75rem 1.5rem;border:0;border-radius:.375rem;"
    "background:#0b57d0;color:#fff;cursor:pointer}"
    "button:focus-visible{outline:3px solid #1b1b1b;outline-offset:3px}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

PAGE_HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "vary": "accept-language",
}


class _Words(NamedTuple):
    ask_title: str
    ask: str
    button: str
    done_title: str
    done: str
    unknown_title: str
    unknown: str


_WORDS: dict[Language, _Words] = {
    "en": _Words(
        ask_title="Unsubscribe",
        ask="Do you want to stop receiving marketing messages from {organisation}?",
        button="Unsubscribe",
        done_title="You are unsubscribed",
        done="{organisation} will send you no more marketing messages. There is nothing else "
        "to do. What concerns an order or a claim of yours you will still be told.",
        unknown_title="This link is not valid",
        unknown="It may have been shortened or changed on its way. "
        "Please open it from the original message, or answer that message.",
    ),
    "fr": _Words(
        ask_title="Désinscription",
        ask="Souhaitez-vous ne plus recevoir de messages commerciaux de {organisation} ?",
        button="Me désinscrire",
        done_title="Vous êtes désinscrit",
        done="{organisation} ne vous enverra plus de messages commerciaux. Vous n’avez rien "
        "d’autre à faire. Vous resterez informé de ce qui concerne vos commandes et vos demandes.",
        unknown_title="Ce lien n’est pas valide",
        unknown="Il a peut-être été raccourci ou modifié en chemin. "
        "Veuillez l’ouvrir depuis le message d’origine, ou répondre à ce message.",
    ),
}


def chosen_language(accept_language: str) -> Language:
    """French if the client prefers it to English, else English (RFC 9110 §12.5.4)."""
    best: tuple[float, Language] = (0.0, "en")
    for choice in accept_language[:200].split(","):
        tag, _, parameter = choice.strip().partition(";")
        language: Language | None = {"en": "en", "fr": "fr"}.get(  # type: ignore[assignment]
            tag.strip().partition("-")[0].lower()
        )
        if language is not None and (quality := _quality(parameter)) > best[0]:
            best = (quality, language)
    return best[1]


def _quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0


def unsubscribe_page(language: Language, organisation: str) -> bytes:
    """The page with the button. To open it changes nothing."""
    words = _WORDS[language]
    # The button sends what a mail provider's one click sends (RFC 8058 §3.1).
    form = (
        '<form method="post"><button type="submit" name="List-Unsubscribe" value="One-Click">'
        f"{escape(words.button)}</button></form>"
    )
    return _page(language, words.ask_title, words.ask.format(organisation=organisation), form)


def unsubscribed_page(language: Language, organisation: str) -> bytes:
    """The confirmation."""
    words = _WORDS[language]
    return _page(language, words.done_title, words.done.format(organisation=organisation))


def unknown_link_page(language: Language) -> bytes:
    """For links that were not made here or were changed."""
    words = _WORDS[language]
    return _page(language, words.unknown_title, words.unknown)


def _page(language: Language, title: str, text: str, more: str = "") -> bytes:
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p>{more}</main></body></html>"
    ).encode()
