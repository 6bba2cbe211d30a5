"""How many segments a text takes (3GPP TS 23.038 and 23.040)."""

_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("^{}\\[~]|€\f")


def count_segments(body: str) -> int:
    """Return the number of segments: 160 or 153 septets each, or 70 or 67 UTF-16 units."""
    if all(char in _GSM_BASIC or char in _GSM_EXTENDED for char in body):
        units = [2 if char in _GSM_EXTENDED else 1 for char in body]
        single, several = 160, 153
    else:
        units = [2 if ord(char) > 0xFFFF else 1 for char in body]
        single, several = 70, 67
    if sum(units) <= single:
        return 1
    segments, room = 1, several
    for unit in units:  # a character of two units is never cut in half
        if unit > room:
            segments, room = segments + 1, several
        room -= unit
    return segments
