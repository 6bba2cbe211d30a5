import pytest

from events.mailbox.charsets import decoded, decoded_header
from events.mailbox.mail import Mail
from events.mailbox.mime import MAX_BYTES, MAX_DEPTH, MAX_PARTS, parse


def test_headers_are_unfolded_and_their_first_value_counts() -> None:
    root = parse(b"Subject: one\r\n\ttwo\r\n three\r\nSUBJECT: other\r\nno colon\r\n\r\nbody\r\n")
    assert root.header("subject") == "one two three"
    assert root.headers["subject"] == ["one two three", "other"]
    assert root.text() == "body\n"


def test_a_mail_without_headers_is_all_body() -> None:
    assert parse(b"\r\nhello").text() == "hello"
    assert parse(b"").text() == ""


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("=?utf-8?Q?Ren=C3=A9?=", "René"),
        ("=?utf-8?B?UmVuw6k=?= =?iso-8859-1?Q?_D=FCrr?=", "René Dürr"),
        ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?x-unknown?Q?caf=E9?=", "café"),
        ("=?utf-8?B?!!!?=", ""),
        ("=?utf-8?B?A?=", "=?utf-8?B?A?="),
        ("=?zip?B?AAAA?=", "\0\0\0"),
        ("plain", "plain"),
    ],
)
def test_encoded_words_are_decoded(header: str, text: str) -> None:
    assert decoded_header(header) == text


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        ("é".encode(), "utf-8", "é"),
        ("é".encode("latin-1"), "ISO-8859-1", "é"),
        ("“é”".encode("cp1252"), "us-ascii", "“é”"),
        ("é".encode(), "ascii", "é"),
        (b"+AGE-", "utf-7", "+AGE-"),
        (b"\\x41", "unicode_escape", "\\x41"),
        (b"x", "a" * 10_000, "x"),
        (b"x", "\0", "x"),
        (b"\xff", "utf-8", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_only_character_sets_that_mail_uses_are_believed(
    data: bytes, charset: str, text: str
) -> None:
    assert decoded(data, charset) == text


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("base64", b"w6k=", "é"),
        ("BASE64", b"w6\r\nk", "é"),
        ("base64", b"w6k=!\r\n-- footer", None),
        ("quoted-printable", b"=C3=A9=\r\n!", "é!"),
        ("8bit", "é".encode(), "é"),
        ("x-unknown", b"plain", "plain"),
    ],
)
def test_transfer_encodings_are_undone(encoding: str, body: bytes, text: str | None) -> None:
    raw = b"Content-Transfer-Encoding: " + encoding.encode() + b"\r\n\r\n" + body
    found = parse(raw).text()
    assert text is None or found == text


def test_parts_of_a_multipart() -> None:
    root = parse(
        b'Content-Type: multipart/mixed; boundary="a b"\n\npreamble\n'
        b"--a b\nContent-Type: text/plain\n\none\n\n"
        b"--a b  \n\ntwo\n--a b--\nepilogue\n--a b\n\nthree"
    )
    assert [part.body for part in root.parts] == [b"one\n", b"two"]


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: multipart/mixed;\nboundary=xyz\n",  # folded without a blank
        b"Content-Type: multipart/mixed\n",
        b"Content-Type: multipart/mixed; boundary=\n",
    ],
)
def test_a_lost_boundary_is_guessed(head: bytes) -> None:
    root = parse(head + b"\nhi\n--xyz\n\none\n--xyz\n\ntwo\n--xyz--\n")
    assert [part.body for part in root.parts] == [b"one", b"two"]


def test_the_last_part_may_lack_its_end() -> None:
    root = parse(b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\n\ntwo")
    assert [part.body for part in root.parts] == [b"one", b"two"]


def test_depth_parts_and_bytes_are_bounded() -> None:
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2_000)
    )
    part, depth = parse(deep), 0
    while part.parts:
        part, depth = part.parts[0], depth + 1
    assert depth == MAX_DEPTH

    broad = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 5_000
    assert len(list(parse(broad).walk())) == MAX_PARTS

    attached = b"Content-Type: message/rfc822\n\n" * 2_000
    assert len(list(parse(attached).walk())) == MAX_DEPTH + 1

    assert len(parse(b"\n" + b"x" * (2 * MAX_BYTES)).body) < MAX_BYTES


def test_an_attached_message_is_no_text_of_the_mail() -> None:
    mail = Mail.of(
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
        b"Subject: inner\n\ninner text\n--b\nContent-Type: text/plain\n\nouter text\n--b--\n"
    )
    assert mail.text == "outer text"
    assert mail.root.parts[0].parts[0].header("subject") == "inner"


def test_plain_text_comes_before_html_and_both_before_attachments() -> None:
    def mail(*parts: bytes) -> Mail:
        body = b"".join(b"--b\n" + part + b"\n" for part in parts)
        return Mail.of(b"Content-Type: multipart/mixed; boundary=b\n\n" + body + b"--b--\n")

    plain = b"Content-Type: text/plain\n\nplain"
    html = b"Content-Type: text/html\n\n<p>html</p>"
    file = b"Content-Type: text/plain\nContent-Disposition: attachment\n\nfile"
    assert mail(html, plain, file).text == "plain"
    assert mail(file, html).text == "html"
    assert mail(file).text == "file"


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("Jane Doe <Jane@Example.COM>", "jane@example.com"),
        ("jane@example.com", "jane@example.com"),
        ('"a@b.example" <jane@example.com>', "jane@example.com"),
        ("=?utf-8?Q?Ren=C3=A9?= <rene@example.com>", "rene@example.com"),
        ("nobody", ""),
        ("(" * 5_000, ""),
        ("", ""),
    ],
)
def test_the_senders_address(header: str, address: str) -> None:
    assert Mail.of(f"From: {header}\n\n".encode()).sender == address
