from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.errors import MissingVariable, RenderError
from cadenza.language.email_template import RenderedEmail, compile_email, one_line
from cadenza.language.markup import to_html, to_text
from cadenza.language.reporter import Reporter
from cadenza.language.source import Place, Text
from cadenza.language.template import Variables, compile_template

VARIABLES: Variables = {
    "prospect": {"first_name": "Zoë", "company": "Gâteaux & Fils", "title": "", "seats": 12},
    "owner": {
        "name": "Maya Lind",
        "title": "Planner",
        "phone": "",
        "email": "maya@larkspur.example",
        "signature": "Maya Lind\nLarkspur <planning>",
    },
    "sender": {"name": "Maya", "address": "maya@larkspur.example"},
    "organisation": {"name": "Larkspur", "postal_address": "Kaai 4\n9000 Gent"},
    "unsubscribe_url": "https://u.example/?a=1&b=2",
}


def filled(source: str, *, autoescape: bool = False, **prospect: Any) -> str:
    reporter = Reporter()
    place = Place(file="t.liquid", line=1, column=1)
    template = compile_template(
        Text(value=source, place=place, verbatim=True), autoescape=autoescape, reporter=reporter
    )
    reporter.raise_if_any()
    assert template is not None
    known = VARIABLES["prospect"] | prospect
    return template.render({**VARIABLES, "prospect": known})


def mail(
    source: str, *, service: bool = False, file: str = "mail.liquid", **prospect: Any
) -> RenderedEmail:
    reporter = Reporter()
    template = compile_email(file, source, service=service, reporter=reporter)
    reporter.raise_if_any()
    assert template is not None
    assert template.subject is not None
    known = VARIABLES["prospect"] | prospect
    return template.render({**VARIABLES, "prospect": known}, subject=template.subject, prefix="")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    return reader


# Values ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ prospect.first_name }}", "Zoë"),
        ("{{prospect.seats}}", "12"),
        ("{{ prospect.title | default: 'friend' }}", "friend"),
        ("{{ prospect.nothing | default: prospect.company }}", "Gâteaux & Fils"),
        ("{{ prospect.nothing | default: '' }}", ""),
        ("{{ prospect.x | default: prospect.y | default: 'you' }}", "you"),
        ("{{ prospect.x | default: prospect.company | default: 'you' }}", "Gâteaux & Fils"),
        ("{{ owner.signature | newline_to_br }}", "Maya Lind<br />\nLarkspur <planning>"),
        ("{{ prospect.first_name | upcase }}", "ZOË"),
        ("{{ prospect['first_name'] }}", "Zoë"),
        ("{% if prospect.title %}yes{% else %}no{% endif %}", "no"),
        ("{% if prospect.nothing == nil %}no{% endif %}", "no"),
        ("{% if prospect.seats > 10 %}many{% endif %}", "many"),
        ("{% unless prospect.nothing %}none{% endunless %}", "none"),
        ("{% case prospect.nothing %}{% when 'a' %}A{% else %}B{% endcase %}", "B"),
        ("{% assign who = prospect.first_name %}{{ who }}", "Zoë"),
        ("{% capture who %}{{ prospect.first_name }}!{% endcapture %}{{ who }}", "Zoë!"),
        ("{% comment %}{{ prospect.nothing }}{% endcomment %}x", "x"),
        ("{{ unsubscribe_url }}", "https://u.example/?a=1&b=2"),
        ("{% for n in (1..3) %}{{ n }}{% endfor %}", "123"),
    ],
)
def test_template_says(source: str, expected: str) -> None:
    assert filled(source) == expected


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("{{ prospect.title }}", "prospect.title"),
        ("{{ prospect.nothing }}", "prospect.nothing"),
        ("{{ owner.phone }}", "owner.phone"),
        ("{{ prospect.title | upcase }}", "prospect.title"),
        ("{{ 'Dear ' | append: prospect.title }}", "prospect.title"),
        ("{{ prospect.nothing | plus: 1 }}", "prospect.nothing"),
        ("{{ prospect.nothing | default: prospect.title }}", "prospect.title"),
        ("{% assign who = prospect.title %}{{ who }}", "prospect.title"),
        ("{% for x in prospect.nothing %}{{ x }}{% endfor %}", "prospect.nothing"),
        ("{% if prospect.seats %}{{ prospect.nothing }}{% endif %}", "prospect.nothing"),
        ("{{ prospect.nothing | size }}", "prospect.nothing"),
    ],
)
def test_missing_or_blank_value_is_never_shown(source: str, name: str) -> None:
    for autoescape in (False, True):
        with pytest.raises(MissingVariable) as error:
            filled(source, autoescape=autoescape)
        assert error.value.name == name


def test_value_that_is_only_spaces_is_missing() -> None:
    with pytest.raises(MissingVariable):
        filled("{{ prospect.first_name }}", first_name=" \t ")


def test_html_templates_escape_values_and_others_do_not() -> None:
    hostile = "<script>\"&'"
    assert filled("{{ prospect.first_name }}", first_name=hostile) == hostile
    shown = filled("{{ prospect.first_name }}", autoescape=True, first_name=hostile)
    assert shown == "&lt;script&gt;&#34;&amp;&#39;"
    default = filled("{{ prospect.x | default: '<b>' }}", autoescape=True)
    assert default == "&lt;b&gt;"


@given(value=st.text(min_size=1).filter(str.strip))
def test_value_is_shown_as_it_is_whatever_it_holds(value: str) -> None:
    assert filled("<{{ prospect.first_name }}>", first_name=value) == f"<{value}>"


@given(value=st.text(st.sampled_from("a<&é \n\u2028\x0b"), min_size=1).filter(str.strip))
def test_lines_are_broken_as_by_the_filter_of_liquid(value: str) -> None:
    for autoescape in (False, True):
        quick = filled("{{ prospect.x | newline_to_br }}", autoescape=autoescape, x=value)
        # With a filter more, python-liquid itself does it.
        slow = "{{ prospect.x | append: '' | newline_to_br }}"
        assert quick == filled(slow, autoescape=autoescape, x=value)


def test_liquid_in_a_value_is_not_run() -> None:
    assert filled("{{ prospect.first_name }}", first_name="{{ owner.name }}") == "{{ owner.name }}"


def test_long_loops_and_outputs_are_cut_off() -> None:
    with pytest.raises(RenderError):
        filled("{% for a in (1..40) %}{% for b in (1..40) %}x{% endfor %}{% endfor %}")
    with pytest.raises(RenderError):
        filled(
            "{% for a in (1..900) %}{{ prospect.first_name }}{% endfor %}", first_name="x" * 1000
        )


@pytest.mark.parametrize(
    ("source", "column", "message"),
    [
        ("{{ prospct.first_name }}", 4, "nothing is called `prospct` (did you mean `prospect`?)"),
        ("{{ owner.nme }}", 4, "`owner` has no part `nme` (did you mean `name`?)"),
        ("{{ now }}", 4, "nothing is called `now`"),
        ("{{ prospect }}", 4, "say which field"),
        ("{{ unsubscribe_url.x }}", 4, "`unsubscribe_url` has no parts"),
        ("{% assign owner = 1 %}", 11, "`owner` is taken"),
        ("{{ prospect.x | upcas }}", 17, "there is no filter `upcas` (did you mean `upcase`?)"),
        ("{{ prospect.x | date: '%Y' }}", 17, "there is no filter `date`"),
        ("{% if prospect.x != blank %}a{% endif %}", 21, "write `{% if prospect.title %}`"),
        ("{% if empty == prospect.x %}a{% endif %}", 7, "write `{% if prospect.title %}`"),
        ("{% include 'x' %}", 4, "unexpected tag 'include'"),
        ("{% render 'x' %}", 4, "unexpected tag 'render'"),
        ("a {% if prospect.x %} b", 6, "expected tag endif"),
        ("{{ prospect.x | }}", 4, "expected word"),
    ],
)
def test_template_is_refused(source: str, column: int, message: str) -> None:
    reporter = Reporter()
    place = Place(file="t.liquid", line=1, column=1)
    text = Text(value="first line\n" + source, place=place, verbatim=True)
    compile_template(text, autoescape=False, reporter=reporter)
    [problem] = reporter.problems
    assert problem.place == Place(file="t.liquid", line=2, column=column)
    assert message in problem.message


# Markup ------------------------------------------------------------------


def test_markup_becomes_paragraphs_lists_and_links() -> None:
    source = (
        "Hello R&D,\n\nsee [the <guide>](https://x.example/?a=1&b=2) or https://y.example/z.\n"
        "Second line\n\n- one\n- two\n  goes on\n\nBye"
    )
    page = read(to_html(source))
    assert page.tags == ["p", "p", "a", "a", "br", "ul", "li", "li", "p"]
    assert page.links == ["https://x.example/?a=1&b=2", "https://y.example/z"]
    words = "Hello R&D, see the <guide> or https://y.example/z . Second line one two goes on Bye"
    assert " ".join(" ".join(page.words).split()) == words
    assert to_text(source) == (
        "Hello R&D,\n\nsee the <guide> <https://x.example/?a=1&b=2> or https://y.example/z.\n"
        "Second line\n\n- one\n- two goes on\n\nBye\n\n"
    )


def test_tags_on_their_own_line_stand_between_paragraphs() -> None:
    source = "a\n{% if prospect.title %}\nb\n{% else %}\nc\n{% endif %}\nd"
    assert to_text(source) == "a\n\n{% if prospect.title %}b\n\n{% else %}c\n\n{% endif %}d\n\n"
    assert to_html(source).count("<p") == 4


def test_html_page_stays_whole_whatever_the_values_are() -> None:
    source = "---\nsubject: x\n---\n[{{ prospect.first_name }}](https://x.example/{{ prospect.x }})"
    shown = mail(source, first_name='"><img src=x>', x='"onclick="y')
    page = read(shown.html)
    assert "img" not in page.tags
    assert page.links[0] == 'https://x.example/"onclick="y'


# Mails -------------------------------------------------------------------


def test_sales_mail_ends_with_signature_address_and_unsubscribe_link() -> None:
    shown = mail("---\nsubject: Hi\n---\nHello.\n")
    assert shown.text == (
        "Hello.\n\nMaya Lind\nLarkspur <planning>\n\n"
        "-- \nLarkspur\nKaai 4\n9000 Gent\n\nUnsubscribe: https://u.example/?a=1&b=2\n"
    )
    page = read(shown.html)
    assert page.links == ["https://u.example/?a=1&b=2"]
    assert "Larkspur <planning>" in "".join(page.words)


def test_service_mail_has_no_unsubscribe_link_and_no_address() -> None:
    shown = mail("---\nsubject: Hi\n---\nHello.\n", service=True)
    assert shown.text == "Hello.\n\nMaya Lind\nLarkspur <planning>\n"
    assert "nsubscribe" not in shown.html


def test_what_a_template_places_itself_is_not_added_again() -> None:
    source = (
        "---\nsubject: Hi\n---\n{{ owner.signature }}\n\n{{ organisation.postal_address }}\n\n"
        "[No more of this]({{ unsubscribe_url }})\n"
    )
    shown = mail(source)
    assert shown.text == (
        "Maya Lind\nLarkspur <planning>\n\nKaai 4\n9000 Gent\n\n"
        "No more of this <https://u.example/?a=1&b=2>\n"
    )
    assert shown.html.count("Larkspur &lt;planning&gt;") == 1
    assert "Maya Lind<br" in shown.html
    assert "Kaai 4<br" in shown.html


def test_owner_without_a_signature_signs_with_the_name() -> None:
    reporter = Reporter()
    template = compile_email(
        "m.liquid", "---\nsubject: Hi\n---\nHello.\n", service=True, reporter=reporter
    )
    assert template is not None
    assert template.subject is not None
    variables = {**VARIABLES, "owner": {"name": "Maya Lind", "signature": ""}}
    shown = template.render(variables, subject=template.subject, prefix="")
    assert shown.text == "Hello.\n\nMaya Lind\n"
    sender = {**VARIABLES["sender"], "signature": "Larkspur\nplanning"}
    shown = template.render({**variables, "sender": sender}, subject=template.subject, prefix="")
    assert shown.text == "Hello.\n\nLarkspur\nplanning\n"
    assert "Larkspur<br />\nplanning" in shown.html


def test_template_that_signs_with_the_sender_gets_no_second_signature() -> None:
    with_sender = {**VARIABLES, "sender": {**VARIABLES["sender"], "signature": "The desk\nGent"}}
    reporter = Reporter()
    source = "---\nsubject: Hi\n---\nHello.\n\n{{ sender.signature }}\n"
    template = compile_email("m.liquid", source, service=True, reporter=reporter)
    assert template is not None
    assert template.subject is not None
    shown = template.render(with_sender, subject=template.subject, prefix="")
    assert shown.text == "Hello.\n\nThe desk\nGent\n"
    assert "The desk<br />\nGent" in shown.html


@pytest.mark.parametrize(
    "name",
    ["Zoë\r\nBcc: all@example.org", "Zoë\nBcc: all@example.org", "Zoë\x0bx", "a\u2028b\x00c"],
)
def test_subject_and_preview_are_one_line_whatever_a_value_holds(name: str) -> None:
    source = (
        "---\nsubject: 'Hi {{ prospect.first_name }}'\npreview: '{{ prospect.first_name }}'\n"
        "---\nHello.\n"
    )
    shown = mail(source, first_name=name)
    for line in (shown.subject, shown.preview):
        assert len(line.splitlines()) == 1
        assert line.isprintable()


@given(text=st.text())
def test_one_line_is_printable_and_trimmed(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == line.strip()


def test_accents_reach_every_part() -> None:
    source = (
        "---\nsubject: 'Été à {{ prospect.company }}'\npreview: 'Łódź, {{ prospect.first_name }}'\n"
        "---\nÇa va, {{ prospect.first_name }} 株式会社 ?\n"
    )
    shown = mail(source)
    assert shown.subject == "Été à Gâteaux & Fils"
    assert shown.preview == "Łódź, Zoë"
    assert "Ça va, Zoë 株式会社 ?" in shown.text
    assert "Ça va, Zoë 株式会社 ?" in shown.html
    assert "Łódź, Zoë" in shown.html


def test_preview_is_hidden_at_the_top_of_the_page_and_escaped() -> None:
    shown = mail("---\nsubject: Hi\npreview: 'R&D <soon>'\n---\nHello.\n")
    assert shown.preview == "R&D <soon>"
    assert ">R&amp;D &lt;soon&gt;</div>" in shown.html


def test_mail_whose_subject_comes_out_empty_is_held() -> None:
    with pytest.raises(RenderError, match="subject came out empty"):
        mail("---\nsubject: \"{{ prospect.title | default: ' ' }}\"\n---\nHello.\n")


HTML_MAIL = """\
---
subject: Hi
preview: A look
---
<html><body class="a"><h1>Hi {{ prospect.first_name }}</h1>
{% if prospect.title %}<p>hidden</p>{% endif %}
<p>Read <a href="https://x.example/{{ prospect.seats }}">the guide</a>.</p>
<ul><li>one</li><li>two</li></ul></body></html>
"""


def test_html_template_is_used_as_it_is_and_its_text_is_made_from_it() -> None:
    shown = mail(HTML_MAIL, file="mail.html.liquid", first_name="<b>")
    assert '<body class="a"><div style="display:none' in shown.html
    assert "<h1>Hi &lt;b&gt;</h1>" in shown.html
    assert shown.html.rstrip().endswith("Unsubscribe</a></p>\n</body></html>")
    assert shown.text.startswith("Hi <b>\n")
    assert "Read the guide <https://x.example/12>." in shown.text
    assert "- one\n- two" in shown.text
    assert "hidden" not in shown.text
    assert "Unsubscribe: https://u.example/?a=1&b=2" in shown.text


@pytest.mark.parametrize(
    ("source", "line", "column", "message"),
    [
        ("Hello", 1, 1, "a mail template begins with a line `---`"),
        ("---\nsubject: Hi\n---\n \n", 4, 1, "this mail has no body"),
        ("---\nsubjct: Hi\n---\nx", 2, 1, "no key `subjct` (did you mean `subject`?)"),
        (
            "---\nsubject: {{ prospect.x }}\n---\nx",
            2,
            10,
            "put quotes around a text with `{{ … }}`",
        ),
        ("---\nsubject: '{{ prospct.x }}'\n---\nx", 2, 14, "nothing is called `prospct`"),
        ("---\nsubject: Hi\n---\na\n [b](www.x.example)", 5, 2, "leads nowhere"),
        ("---\nsubject: Hi\n---\n[b]({{ prospect.site }})", 4, 1, "leads nowhere"),
        ("---\nsubject: Hi\n---\na\n\nb {{ prospect.x", 6, 3, "not valid Liquid"),
    ],
)
def test_mail_template_is_refused(source: str, line: int, column: int, message: str) -> None:
    reporter = Reporter()
    compile_email("mail.liquid", source, service=False, reporter=reporter)
    [problem] = reporter.problems
    assert message in problem.message
    assert problem.place == Place(file="mail.liquid", line=line, column=column)


@pytest.mark.parametrize(
    ("value", "filters"),
    [("1e999", "modulo: 3"), ("nan", "round"), ("9" * 4000, "times: prospect.title")],
    ids=["infinite", "no number", "too long"],
)
def test_a_value_that_cannot_be_counted_with_holds_the_touch(value: str, filters: str) -> None:
    with pytest.raises(RenderError, match="cannot count"):
        filled(f"{{{{ prospect.title | {filters} }}}}", title=value)
