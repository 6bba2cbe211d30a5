"""Bytes of a stated character set to text, whatever the statement is worth."""

import binascii
import codecs
import re
from email.errors import HeaderParseError
from email.header import decode_header

# Text encodings that mail uses. Others that Python knows (zip, idna, unicode_escape …) are
# transformations that a sender must not be able to start.
_CHARSETS = re.compile(
    r"ascii|utf-(?:8|8-sig|16|16-be|16-le|32|32-be|32-le)|iso8859-\d+|cp(?:125\d|8\d\d|932|949|950)"
    r"|koi8-[rtu]|gb2312|gbk|gb18030|hz|big5|big5hkscs|shift_jis\w*|euc_\w+|iso2022_\w+"
    r"|mac-\w+|tis-620"
)
_MAX_HEADER_CHARACTERS = 2_000


def decoded(data: bytes, charset: str) -> str:
    """`data` as text; what does not fit becomes U+FFFD. Never raises."""
    try:
        name = codecs.lookup(charset[:40]).name
    except (LookupError, ValueError):
        name = ""
    if name and name != "ascii" and _CHARSETS.fullmatch(name):
        return data.decode(name, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def decoded_header(value: str) -> str:
    """A header value with its encoded words (RFC 2047) decoded, cut to 2,000 characters."""
    value = value[:_MAX_HEADER_CHARACTERS]
    if "=?" not in value:
        return value
    try:
        chunks = decode_header(value)
    except (HeaderParseError, binascii.Error, ValueError):
        return value
    return "".join(
        chunk if isinstance(chunk, str) else decoded(chunk, charset or "utf-8")
        for chunk, charset in chunks
    )
