"""Mail addresses as they may stand on the wire and in headers (RFC 5321 §4.1.2, RFC 6531)."""

import re
from dataclasses import dataclass

import idna

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_MAX_LOCAL_OCTETS = 64
_MAX_DOMAIN_OCTETS = 253
_MAX_OCTETS = _MAX_LOCAL_OCTETS + 1 + _MAX_DOMAIN_OCTETS
_PLAIN = re.compile(
    rf"(?=[^@]{{1,{_MAX_LOCAL_OCTETS}}}@.{{1,{_MAX_DOMAIN_OCTETS}}}\Z)"
    rf"{_ATOM}+(?:\.{_ATOM}+)*@{_DOMAIN}"
)
_WORD = rf"(?:[^\x00-\x7f]|{_ATOM})+"
_INTERNATIONAL = re.compile(rf"{_WORD}(?:\.{_WORD})*@{_DOMAIN}")


@dataclass(frozen=True, kw_only=True, slots=True)
class WireAddress:
    """An address without anything that could end a command, a header or a quoted string.

    text: ASCII, unless smtputf8: then its local part is not, and only a
    relay that offers SMTPUTF8 can take it.
    """

    text: str
    smtputf8: bool


def wire_address(address: str) -> WireAddress | None:
    """`address` for the wire, or None if it cannot be one.

    Internationalised domains become A-labels (IDNA 2008, UTS 46 mapping),
    which every relay understands. Quoted local parts and address literals
    are not accepted: no prospect has one.
    """
    if _PLAIN.fullmatch(address):
        return WireAddress(text=address, smtputf8=False)
    if len(address) > _MAX_OCTETS or address.isascii() or not address.isprintable():
        return None
    local, _, domain = address.rpartition("@")
    plain = f"{local}@{ascii_domain(domain)}"
    if _PLAIN.fullmatch(plain):
        return WireAddress(text=plain, smtputf8=False)
    if local.isascii() or not _INTERNATIONAL.fullmatch(plain):
        return None
    return WireAddress(text=plain, smtputf8=True) if _octets(local) <= _MAX_LOCAL_OCTETS else None


def ascii_domain(domain: str) -> str:
    """`domain` with A-labels, or an empty string if it cannot be a domain."""
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return ""


def _octets(text: str) -> int:
    return len(text.encode())
