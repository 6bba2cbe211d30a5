import pytest

from events.optout import Keyword, asks_to_stop, keyword


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop.",
        " Stop! ",
        "STOP ALL",
        "Stopall",
        "UNSUBSCRIBE",
        "please stop",
        "Stop please, thank you",
        "Stop texting me",
        "End",
        "QUIT",
        "cancel",
        "optout",
        "ARRÊT",
        "Arrêtez, s'il vous plaît",
        "arreter svp",
        "Désabonnement",
        "DESINSCRIPTION merci",
        "Remove me from your list",
    ],
)
def test_keywords_to_stop(text: str) -> None:
    assert keyword(text) is Keyword.STOP
    assert asks_to_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "Please stop emailing me.",
        "Please remove me from your list. I did not ask for this.\n\nJane",
        "Not interested. Do not contact me again.",
        "Don’t write to us any more",
        "Never text me",
        "Merci de ne plus me contacter.",
        "Merci de ne plus m'écrire",
        "Veuillez me retirer de votre liste de diffusion, s'il vous plaît.\n\nRené",
        "Bonjour, ne m'écrivez plus svp",
        "Bonjour, ne nous écrivez plus svp",
        "Désinscrivez-moi",
        "Je souhaite ne plus recevoir vos messages",
        "please unsubscribe",
        "I want to opt out",
    ],
)
def test_sentences_that_ask_to_stop(text: str) -> None:
    assert asks_to_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes",
        "Stop by tomorrow at ten",
        "When does the promotion end?",
        "Can we cancel Tuesday and meet on Friday?",
        "I'm not interested at the moment",
        "Please do not contact me before Monday",
        "Don't call, write to me",
        "C'est la fin du trimestre, rappelez-moi en avril",
        "Is there a non-stop flight?",
        "We stopped using that tool",
        "x" * 10_000 + " stop",
        "unsubscribe rates are what we care about, tell me more about them " * 20,
    ],
)
def test_ordinary_messages_do_not(text: str) -> None:
    assert keyword(text) is None
    assert not asks_to_stop(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("START", Keyword.START),
        ("unstop", Keyword.START),
        ("help", Keyword.HELP),
        ("INFO?", Keyword.HELP),
        ("Aide", Keyword.HELP),
        ("help me understand", None),
        ("start next week", None),
    ],
)
def test_keywords_that_are_no_replies(text: str, expected: Keyword | None) -> None:
    assert keyword(text) is expected
    assert not asks_to_stop(text)
