"""Cuts the bytes of an SMTP client into commands and mail contents."""

LONGEST_COMMAND = 4_096


class FramingError(Exception):
    """The client broke the framing; `answer` tells it so, and the session ends."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.answer = answer


class Framer:
    """Holds what has come in and not been used up.

    Only CRLF ends a line, and only CRLF dot CRLF ends a content (RFC 5321, 2.3.8 and 4.1.1.4).
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def __len__(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add what has come in."""
        self._buffer += data

    def clear(self) -> None:
        """Throw away what has not been used up."""
        self._buffer.clear()
        self._searched = 0

    def next_command(self) -> bytes | None:
        """Return the next command without its CRLF; None: not here yet.

        Raises FramingError for a line that is too long or holds a bare LF or CR.
        """
        end = self._buffer.find(b"\n", 0, LONGEST_COMMAND)
        if end < 0:
            if len(self._buffer) >= LONGEST_COMMAND:
                raise FramingError("500 5.5.6 Line too long")
            return None
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise FramingError("521 5.5.2 Error: bare <LF> or <CR> received")
        return line[:-2]

    def next_content(self, limit_bytes: int) -> bytes | None:
        """Return the next content with its dots unstuffed; None: its end is not here yet.

        A content somewhat over the limit is returned whole, so that it can be refused politely.
        Raises FramingError when it is twice as long.
        """
        if self._searched == 0 and self._buffer.startswith(b".\r\n"):
            content, end = b"", 3
        else:
            found = self._buffer.find(b"\r\n.\r\n", max(self._searched - 4, 0))
            if found < 0:
                self._searched = len(self._buffer)
                if self._searched > limit_bytes * 2:
                    raise FramingError("552 5.3.4 Message too big")
                return None
            content, end = bytes(self._buffer[: found + 2]), found + 5
        del self._buffer[:end]
        self._searched = 0
        if content.startswith(b".") or b"\r\n." in content:
            content = (b"\r\n" + content).replace(b"\r\n..", b"\r\n.")[2:]
        return content


def has_bare_line_ends(content: bytes) -> bool:
    """Return whether a CR or LF stands alone anywhere."""
    pairs = content.count(b"\r\n")
    return content.count(b"\n") != pairs or content.count(b"\r") != pairs
