"""Reads the arguments of MAIL and RCPT (RFC 5321, 4.1.1.2 and 4.1.1.3)."""

import re

_PATH = re.compile(r"\s*<(?:@[^>:]*:)?([^<>]*)>\s*(.*)$")
_ADDRESS = re.compile(r'^(?:[^\s"@<>,;:\\]+|"[^"\r\n]+")@[^\s"@<>,;:\\]+$')


class PathError(Exception):
    """The argument cannot be taken; `answer` tells the client why."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.answer = answer


def parse_sender(argument: str, size_limit_bytes: int) -> str:
    """Return the sender's address out of MAIL's argument; nothing for the null reverse-path.

    Raises PathError.
    """
    path = _PATH.match(argument[5:])
    if argument[:5].upper() != "FROM:" or path is None:
        raise PathError("501 5.5.4 Syntax: MAIL FROM:<address>")
    if path[1] and not _ADDRESS.match(path[1]):
        raise PathError("501 5.1.7 Bad sender address syntax")
    utf8 = False
    for parameter in path[2].upper().split():
        name, _, value = parameter.partition("=")
        if name == "SIZE" and value.isdecimal():
            if int(value) > size_limit_bytes:
                raise PathError("552 5.3.4 Message too big")
        elif parameter == "SMTPUTF8":
            utf8 = True
        elif name not in ("BODY", "AUTH"):
            raise PathError("555 5.5.4 Parameter not recognised")
    if not utf8 and not path[1].isascii():
        raise PathError("553 5.6.7 Non-ASCII address without SMTPUTF8")
    return path[1]


def parse_recipient(argument: str) -> str:
    """Return the recipient's address out of RCPT's argument.

    Raises PathError; no parameters are offered, so none is taken.
    """
    path = _PATH.match(argument[3:])
    if argument[:3].upper() != "TO:" or path is None or not _ADDRESS.match(path[1]):
        raise PathError("501 5.1.3 Bad recipient address syntax")
    if path[2]:
        raise PathError("555 5.5.4 Parameter not recognised")
    return path[1]
