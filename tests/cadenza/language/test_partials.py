"""Pieces that templates share."""

from collections.abc import Mapping

import pytest

from cadenza.errors import CadenceError
from cadenza.language.email_template import RenderedEmail
from cadenza.language.loader import compile_cadence
from cadenza.language.partials import MOST_LEVELS, cited_partials
from cadenza.language.variants import Audience
from cadenza.steps.email import EmailStep
from cadenza.steps.sms import SmsStep
from tests.cadenza.planner.courses import sources

STEPS = """
- step: mail
  email: with
- step: text
  sms: "Hi. {% render 'ps' %}"
- step: done
  end: no_response
"""
VARIABLES = {
    "prospect": {"first_name": "Zoë", "title": "CEO"},
    "owner": {"name": "Maya"},
    "organisation": {"name": "Larkspur", "postal_address": "Kaai 4"},
    "unsubscribe_url": "https://u.example/1",
}
PS = {"templates/partials/ps.liquid": "PS: call me."}


def files(body: str, partials: Mapping[str, str], ending: str = "liquid") -> dict[str, str]:
    mail = {f"templates/with.{ending}": f"---\nsubject: Hi\n---\n{body}\n"}
    return {**sources(STEPS), **PS, **mail, **partials}


def mail(
    body: str, partials: Mapping[str, str], *, ending: str = "liquid", locale: str | None = None
) -> RenderedEmail:
    step = compile_cadence(files(body, partials, ending)).steps["mail"]
    assert isinstance(step, EmailStep)
    return step.render(VARIABLES, audience=Audience(locale))


def problems(body: str, partials: Mapping[str, str], ending: str = "liquid") -> list[str]:
    with pytest.raises(CadenceError) as error:
        compile_cadence(files(body, partials, ending))
    return [str(problem) for problem in error.value.problems]


def test_partial_may_hold_paragraphs_lists_and_links() -> None:
    partial = "See [the guide](https://x.example/g), {{ prospect.first_name }}.\n\n- one\n- two\n"
    shown = mail("Hello.\n{% render 'guide' %}\nBye.", {"templates/partials/guide.liquid": partial})
    assert shown.text.startswith(
        "Hello.\n\nSee the guide <https://x.example/g>, Zoë.\n\n- one\n- two\n\nBye.\n"
    )
    assert '<a href="https://x.example/g">the guide</a>, Zoë.</p>' in shown.html
    assert "<li>one</li>" in shown.html


def test_partial_inside_a_line_stays_in_it() -> None:
    partial = {"templates/partials/who.liquid": "dear {{ prospect.first_name }}\n"}
    assert mail("Hello {% render 'who' %}, hi.", partial).text.startswith("Hello dear Zoë, hi.\n")
    trimmed = mail("Hello   {%- render 'who' -%}   , hi.", partial)
    assert trimmed.text.startswith("Hellodear Zoë, hi.\n")


def test_cadences_own_partial_comes_before_the_shared_one() -> None:
    partials = {
        "templates/partials/who.liquid": "shared",
        "templates/trial/partials/who.liquid": "own",
    }
    assert mail("{% render 'who' %}", partials).text.startswith("own\n")


def test_partials_have_languages() -> None:
    partials = {
        "templates/partials/who.liquid": "hello",
        "templates/partials/who.fr.liquid": "bonjour",
        "templates/with.fr.liquid": "---\nsubject: Salut\n---\n{% render 'who' %}\n",
    }
    assert mail("{% render 'who' %}", partials, locale="fr-CA").text.startswith("bonjour\n")
    assert mail("{% render 'who' %}", partials, locale="de").text.startswith("hello\n")


def test_partials_nest_and_conditions_around_them_count() -> None:
    partials = {
        "templates/partials/outer.liquid": "outer {% render 'inner' %}",
        "templates/partials/inner.liquid": "inner {{ prospect.title }}",
    }
    body = "{% if prospect.title %}\n{% render 'outer' %}\n{% else %}\nnone\n{% endif %}"
    assert mail(body, partials).text.startswith("outer inner CEO\n")


def test_page_of_html_takes_partials_in_html_and_in_markup() -> None:
    partials = {
        "templates/partials/logo.html.liquid": '<img src="https://x.example/l.png" alt="Logo">',
        "templates/partials/logo.liquid": "Logo",
        "templates/partials/note.liquid": "A *note* & [more](https://x.example/m)",
    }
    body = "<html><body>{% render 'logo' %}{% render 'note' %}</body></html>"
    shown = mail(body, partials, ending="html.liquid")
    assert '<img src="https://x.example/l.png"' in shown.html
    assert 'A *note* &amp; <a href="https://x.example/m">more</a></p>' in shown.html
    assert "more <https://x.example/m>" in shown.text
    assert mail("{% render 'logo' %}", partials).text.startswith("Logo\n")


def test_text_message_takes_partials_as_they_are() -> None:
    step = compile_cadence(files("x", {})).steps["text"]
    assert isinstance(step, SmsStep)
    assert step.render(VARIABLES) == "Hi. PS: call me."


def test_signature_that_a_partial_places_is_not_added_again() -> None:
    partials = {"templates/partials/sign.liquid": "Yours, {{ owner.signature | default: 'us' }}"}
    shown = mail("Hello.\n{% render 'sign' %}", partials)
    assert shown.text.startswith("Hello.\n\nYours, us\n\n-- \n")


@pytest.mark.parametrize(
    ("body", "partials", "problem"),
    [
        (
            "a\n{% render 'futer' %}",
            {"templates/partials/footer.liquid": "x"},
            "templates/with.liquid:5:4: there is no partial `futer` (did you mean `footer`?); "
            "write it in `templates/trial/partials/futer.liquid` or "
            "`templates/partials/futer.liquid`",
        ),
        ("{% render footer %}", {}, "with.liquid:4:4: write `{% render 'name' %}`"),
        ("{% render 'ps', x: 1 %}", {}, "with.liquid:4:4: write `{% render 'name' %}`"),
        (
            "{% render 'a' %}",
            {"templates/partials/a.liquid": "\nx {{ prospct.y }}"},
            "templates/partials/a.liquid:2:6: nothing is called `prospct`",
        ),
        (
            "{% render 'a' %}",
            {"templates/partials/a.liquid": "[x](y)"},
            "templates/partials/a.liquid:1:1: the link to `y` leads nowhere",
        ),
        (
            "{% assign who = 'x' %}{% render 'a' %}",
            {"templates/partials/a.liquid": "{{ who }}"},
            "templates/partials/a.liquid:1:4: nothing is called `who`",
        ),
        (
            "{% if prospect.x %}{% render 'a' %}",
            {"templates/partials/a.liquid": "{% endif %}"},
            "templates/with.liquid:4:4: this is not valid Liquid",
        ),
        (
            "{% render 'a' %}",
            {"templates/partials/a.liquid": "x {% render 'b' %}"},
            "templates/partials/a.liquid:1:6: there is no partial `b`",
        ),
        (
            "{% render 'a' %}",
            {"templates/partials/a.html.liquid": "<p>"},
            "templates/with.liquid:4:4: there is no partial `a`",
        ),
    ],
)
def test_wrong_partial_is_reported_at_its_place(
    body: str, partials: dict[str, str], problem: str
) -> None:
    assert any(problem in told for told in problems(body, partials))


def test_partials_that_name_themselves_end() -> None:
    partials = {"templates/partials/a.liquid": "{% render 'a' %}"}
    assert any(
        f"nested deeper than {MOST_LEVELS} levels" in told
        for told in problems("{% render 'a' %}", partials)
    )


def test_partials_that_grow_without_bound_are_refused() -> None:
    partials = {"templates/partials/a.liquid": "x" * 200_000}
    body = "{% render 'a' %}{% render 'a' %}"
    assert any("characters" in told for told in problems(body, partials))


def test_what_a_template_cites_is_known_without_compiling() -> None:
    text = "{% render 'a' %} {%- render \"b-c\" -%} {% render x %} {% render 'a' %}"
    assert cited_partials(text) == ["a", "b-c"]
