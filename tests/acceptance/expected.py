"""What a mail must say, worked out anew from the template's source.

Shares nothing with `cadenza.language` but the Liquid library, used as it
comes, so that the two can be wrong only in different ways.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from liquid import Environment
from ruamel.yaml import YAML

from cadenza.accounts import Organisation
from tests.acceptance.correspondence import TEMPLATES, Mail

_TEMPLATE = re.compile(r"---\n(?P<front>.*?)---\n(?P<body>.*)", re.DOTALL)
_LINK = re.compile(r"\[([^\]]+)\]\((https://[^)]+)\)")
_LEADING_BULLET = re.compile(r"^- ", re.MULTILINE)
_NOT_IN_A_LINE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_SUBJECT_FROM = {
    **dict.fromkeys(("intro", "value", "proof", "recap"), "intro"),
    **dict.fromkeys(("authority", "last-word"), "authority"),
}
"""Step → the step whose subject it carries."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What one mail must hold. text: blank lines collapsed. shown: HTML's words, without blanks."""

    subject: str
    text: str
    shown: str
    targets: Sequence[str]


def expected(mail: Mail, organisation: Organisation, unsubscribe_url: str) -> Expected:
    """Work it out for one mail."""
    step, person, owner = mail.touch.step, mail.person, mail.touch.owner
    variables = {"prospect": person, "owner": owner, "organisation": organisation.model_dump()}
    front, body = _source(step)
    thread = _SUBJECT_FROM[step]
    subject = _filled(_source(thread)[0]["subject"], variables)
    prefix = "" if thread == step else "Re: "
    signature = owner.get("signature") or owner["name"]
    address = organisation.postal_address
    endings = f"{signature}\n\n-- \n{organisation.name}\n{address}\n\nUnsubscribe: "
    text = _filled(_LINK.sub(r"\1 <\2>", body), variables)
    words = _filled(_LINK.sub(r"\1", _LEADING_BULLET.sub("", body)), variables)
    preview = _filled(front["preview"], variables)
    shown = [preview, words, signature, organisation.name, address, "Unsubscribe"]
    return Expected(
        subject=prefix + in_one_line(subject),
        text=without_empty_lines(f"{text}\n\n{endings}{unsubscribe_url}"),
        shown=without_blanks("".join(shown)),
        targets=[match[1] for match in _LINK.findall(body)],
    )


def _source(step: str) -> tuple[Mapping[str, str], str]:
    match = _TEMPLATE.fullmatch((TEMPLATES / f"{step}.liquid").read_text(encoding="utf-8"))
    assert match is not None
    return YAML(typ="safe").load(match["front"]), match["body"]


def _filled(source: str, variables: Mapping[str, object]) -> str:
    return Environment().from_string(source).render(**variables)


def in_one_line(text: str) -> str:
    """`text` as a header can hold it."""
    return _NOT_IN_A_LINE.sub(" ", text).strip()


def without_empty_lines(text: str) -> str:
    """`text` with one empty line where there are several, and none at its ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def without_blanks(text: str) -> str:
    """The characters of `text` that can be seen."""
    return "".join(text.split())


class Page(HTMLParser):
    """The HTML of a mail as a client reads it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.images: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    @property
    def shown(self) -> str:
        return without_blanks("".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        values = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(values["href"])
        if tag == "img":
            self.images.append(values["src"])

    def handle_data(self, data: str) -> None:
        self.words.append(data)
