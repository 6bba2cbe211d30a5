"""Which variant of a text somebody gets, and which files are variants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.language.loader import compile_cadence
from cadenza.language.variants import (
    Audience,
    Variant,
    Variants,
    files_of,
    languages,
    region_slug,
    template_file,
)
from cadenza.steps.email import EmailStep
from tests.cadenza.planner.courses import cadence, person, sources

ALL = [
    Variant(),
    Variant("", "emea"),
    Variant("fr"),
    Variant("fr", "emea"),
    Variant("fr-ca"),
    Variant("fr-ca", "emea"),
]


def chosen(*there: Variant, locale: str | None = None, region: str | None = None) -> str:
    texts = Variants({variant: str(variant) for variant in there}, locale="en")
    variant, text = texts.choose(Audience(locale, region))
    assert str(variant) == text
    return text


def test_the_order_of_variants_is_language_then_region() -> None:
    there = list(ALL)
    order = []
    while there:
        best = chosen(*there, locale="fr-CA", region="EMEA")
        order.append(best)
        there = [variant for variant in there if str(variant) != best]
    assert order == ["fr-ca.@emea", "fr-ca", "fr.@emea", "fr", "@emea", ""]


@pytest.mark.parametrize(
    ("locale", "region", "text"),
    [
        ("fr", None, "fr"),
        ("fr_BE", None, "fr"),
        ("FR-ca", None, "fr-ca"),
        ("de", None, ""),
        (None, None, ""),
        (None, "EMEA", "@emea"),
        ("de-AT", "emea", "@emea"),
        ("fr", "North America", "fr"),
    ],
)
def test_what_somebody_gets(locale: str | None, region: str | None, text: str) -> None:
    assert chosen(*ALL, locale=locale, region=region) == text


def test_text_of_the_cadences_own_language_stands_for_the_plain_one() -> None:
    assert chosen(Variant("en"), Variant("fr"), locale="de") == "en"
    assert chosen(Variant("fr"), Variant("de"), locale="es") == "de"


@given(locale=st.text(max_size=20), region=st.text(max_size=20))
def test_everybody_gets_something_and_the_same_again(locale: str, region: str) -> None:
    texts = Variants({variant: str(variant) for variant in ALL}, locale="en")
    first = texts.choose(Audience(locale, region))
    assert texts.choose(Audience(locale, region)) == first


def test_languages_become_less_exact() -> None:
    assert [*languages("zh-Hant_TW")] == ["zh-hant-tw", "zh-hant", "zh"]
    assert [*languages(None)] == []
    assert region_slug("  North & West Africa ") == "north-west-africa"


@pytest.mark.parametrize(
    ("path", "name", "variant"),
    [
        ("hello.liquid", "hello", ""),
        ("hello.html.liquid", "hello", ""),
        ("hello.fr.liquid", "hello", "fr"),
        ("hello.fr-CA.html.liquid", "hello", "fr-ca"),
        ("hello.@emea.liquid", "hello", "@emea"),
        ("deep/hello.fr.@emea.liquid", "deep/hello", "fr.@emea"),
    ],
)
def test_file_name_says_which_variant_it_is(path: str, name: str, variant: str) -> None:
    file = template_file(path)
    assert file is not None
    assert (file.name, str(file.variant)) == (name, variant)


@pytest.mark.parametrize("path", ["hello.txt", "Hello.liquid", "hello..liquid", "hello.@.liquid"])
def test_other_files_are_no_templates(path: str) -> None:
    assert template_file(path) is None


def test_one_folder_gives_all_variants() -> None:
    paths = [
        "templates/hello.liquid",
        "templates/hello.fr.liquid",
        "templates/own/hello.liquid",
        "templates/own/hello.html.liquid",
        "templates/own/bye.fr.liquid",
    ]
    folders = ("templates/own", "templates")
    assert files_of(paths, folders, "hello") == {Variant(): "templates/own/hello.liquid"}
    assert files_of(paths[:2], folders, "hello") == {
        Variant(): "templates/hello.liquid",
        Variant("fr"): "templates/hello.fr.liquid",
    }
    assert files_of(paths, folders, "nothing") == {}


THREAD = """
- step: first
  email: mail
- step: second
  email: follow
  thread: reply
  day: 3
- step: done
  end: no_response
"""
FRENCH = {
    "templates/mail.fr.liquid": (
        '---\nsubject: "Un mot, {{ prospect.first_name }}"\n---\nBonjour.\n'
    ),
    "templates/follow.fr.liquid": "---\n---\nEncore moi.\n",
}
VARIABLES = {
    "prospect": {"first_name": "Zoë"},
    "owner": {"name": "Maya"},
    "organisation": {"name": "Larkspur", "postal_address": "Kaai 4"},
    "unsubscribe_url": "https://u.example/1",
}


def test_a_reply_has_the_subject_of_the_same_language_as_its_thread() -> None:
    course = compile_cadence({**sources(THREAD), **FRENCH})
    step = course.steps["second"]
    assert isinstance(step, EmailStep)
    french = step.render(VARIABLES, audience=Audience("fr-BE"))
    assert (french.subject, french.variant) == ("Re: Un mot, Zoë", "fr")
    assert french.text.startswith("Encore moi.")
    assert "Se désinscrire: https://u.example/1" in french.text
    english = step.render(VARIABLES, audience=Audience("nl"))
    assert (english.subject, english.variant) == ("Re: A word, Zoë", "")
    assert "Unsubscribe: https://u.example/1" in english.text


def test_each_variant_is_checked() -> None:
    wrong = {"templates/mail.fr.liquid": "---\nsubject: Un mot\n---\n{{ prospct.x }}\n"}
    with pytest.raises(Exception, match=r"mail\.fr\.liquid:4:4: nothing is called `prospct`"):
        compile_cadence({**sources(THREAD), **wrong})
    bare = {"templates/mail.fr.liquid": "---\n---\nBonjour.\n"}
    with pytest.raises(Exception, match=r"mail\.fr\.liquid:1:1: this mail has no subject"):
        compile_cadence({**sources(THREAD), **bare})


def test_text_messages_have_languages_too() -> None:
    steps = '- step: text\n  sms: {en: "Hi", fr: "Salut"}\n- step: done\n  end: no_response\n'
    step = cadence(steps).steps["text"]
    for locale, text in (("fr-CA", "Salut"), ("de", "Hi"), (None, "Hi")):
        prospect = {"locale": locale} if locale else {}
        assert step.render({"prospect": prospect}) == text  # type: ignore[attr-defined]
    assert person().locale == "fr"
