import pytest

from events.mailbox.html_text import text_of_html
from events.mailbox.reply_text import new_text
from tests.events.mailbox.corpus import replies

ORIGINAL = "> Dear Jane,\n>\n> shall we talk?\n"

INTRODUCTIONS = [
    "On Tue, 3 Mar 2026 at 10:00, Ann Smith <ann@example.com> wrote:",
    "On 3 March 2026 at 10:00 a.m., Ann Smith <ann@example.com>\nwrote:",
    "On Tue, Mar 3, 2026 at 10:00 AM Ann Smith\n<ann@example.com>wrote:",
    "Le mar. 3 mars 2026 à 10:00, Ann Smith <ann@example.com> a écrit :",
    "Le 3 mars 2026 à 10:00, Ann Smith <ann@example.com> a\nécrit :",
    "Am 03.03.26 um 10:00 schrieb Ann Smith:",
    "Am Di., 3. März 2026 um 10:00 Uhr schrieb Ann Smith <ann@example.com>:",
    "El mar, 3 mar 2026 a las 10:00, Ann Smith (<ann@example.com>) escribió:",
    "Il giorno mar 3 mar 2026 alle ore 10:00 Ann Smith <ann@example.com> ha scritto:",
    "Op di 3 mrt 2026 om 10:00 schreef Ann Smith <ann@example.com>:",
    "Em ter., 3 de mar. de 2026 às 10:00, Ann Smith <ann@example.com> escreveu:",
    "Den tis 3 mars 2026 kl 10:00 skrev Ann Smith <ann@example.com>:",
    "ti 3. maalisk. 2026 klo 10.00 Ann Smith (ann@example.com) kirjoitti:",
    "wt., 3 mar 2026 o 10:00 Ann Smith <ann@example.com> wrote:",
    "вт, 3 мар. 2026 г. в 10:00, Ann Smith <ann@example.com> написал:",
]

BLOCKS = [
    "-----Original Message-----\nFrom: Ann Smith\nSent: Tuesday\nTo: Jane\nSubject: Hi",
    "________________________________\nFrom: Ann <ann@example.com>\nSent: Tuesday\nTo: Jane",
    "From: Ann <ann@example.com>\nDate: Tuesday, 3 March 2026 at 10:00\nTo: Jane\nSubject: Hi",
    "De : Ann <ann@example.com>\nEnvoyé : mardi 3 mars 2026 10:00\nÀ : Jane\nObjet : Bonjour",
    "Von: Ann <ann@example.com>\nGesendet: Dienstag, 3. März 2026 10:00\nAn: Jane\nBetreff: Hallo",
    "*From:* Ann\n*Sent:* Tuesday\n*To:* Jane\n*Subject:* Hi",
    "Da: Ann\nInviato: martedì 3 marzo 2026 10:00\nA: Jane\nOggetto: Ciao",
    "Van: Ann\nVerzonden: dinsdag 3 maart 2026 10:00\nAan: Jane\nOnderwerp: Hallo",
    "Begin forwarded message:",
    "-------- Message d'origine --------\nDe : Ann",
    "-----Ursprüngliche Nachricht-----\nVon: Ann",
]


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
def test_marked_quotations_are_left_out(introduction: str) -> None:
    text = f"Yes, on Tuesday.\n\nJane\n\n{introduction}\n\n{ORIGINAL}"
    assert new_text(text) == "Yes, on Tuesday.\n\nJane"


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
def test_quotations_without_marks_are_left_out_too(introduction: str) -> None:
    text = f"Yes, on Tuesday.\n\n{introduction}\n\nDear Jane,\n\nshall we talk?"
    assert new_text(text) == "Yes, on Tuesday."


@pytest.mark.parametrize("block", BLOCKS)
def test_originals_below_a_header_block_are_left_out(block: str) -> None:
    assert new_text(f"Oui, mardi.\n\n{block}\n\nDear Jane,\n\nshall we talk?") == "Oui, mardi."


def test_a_marked_introduction_is_left_out() -> None:
    text = "Sure!\n\nSent from my iPhone\n\n> On 3 Mar 2026, at 10:00, Ann wrote:\n> \n> Dear Jane"
    assert new_text(text) == "Sure!"


def test_answers_between_quoted_lines_stay() -> None:
    text = (
        "On Tue, 3 Mar 2026, Ann wrote:\n> How many?\n\nForty.\n\n> Since when?\n\nLast year.\n\n"
        "-- \nJane Doe\nHead of things"
    )
    assert [line for line in new_text(text).split("\n") if line] == ["Forty.", "Last year."]


def test_answers_below_an_unmarked_original_are_not_lost() -> None:
    text = "On Tue, 3 Mar 2026, Ann wrote:\nDear Jane, shall we talk?\n\nYes."
    assert "Yes." in new_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "On your side, what I need:\n\n- a price\n- a date",
        "One thing, as Bob said and wrote:\nprices matter",
        "From: my point of view it is fine",
        "I read what you wrote: good.",
        "de: oui\nà: demain",
        "Here is a fix -- this is no signature.",
        "Sent from my desk, that is easier.",
    ],
)
def test_what_only_looks_like_a_quotation_stays(text: str) -> None:
    assert new_text(text) == text


@pytest.mark.parametrize("text", [ORIGINAL, "> all of it\n> is quoted", "--\nJane"])
def test_a_person_sees_everything_where_nothing_new_can_be_told_apart(text: str) -> None:
    assert new_text(text) == text.strip()


@pytest.mark.parametrize(
    "tail",
    [
        "Sent from my iPhone",
        "Envoyé de mon iPhone",
        "Von meinem iPhone gesendet",
        "Get Outlook for iOS",
        "Obtenir Outlook pour Android",
        "Enviado desde mi iPhone",
        "-- \nJane Doe\n+1 202 555 0100",
        "_______________________________________________\nsome-list mailing list",
    ],
)
def test_what_programs_add_at_the_end_is_left_out(tail: str) -> None:
    assert new_text(f"Call me.\n\n{tail}") == "Call me."


def test_long_texts_are_cut_at_a_whole_character() -> None:
    text = new_text("é" * 50_000)
    assert len(text.encode()) <= 16 * 1024
    assert set(text) == {"é"}


def test_real_replies_lose_what_they_quote() -> None:
    quoted = {
        "email_1_2": "What is the best way to clear",
        "email_1_3": "You can list the keys",
        "email_1_4": "Loader seems to be working",
        "email_1_6": "Was this caching related",
        "email_1_7": "Steps 0-2 are in prod",
        "email_1_8": "okay.  Well, here's some stuff",
        "email_2_1": "Google Apps Sync",
        "email_2_2": "A new comment",
        "email_2_3": "A new comment",
        "email_bullets": "Give us an example",
        "email_one_is_not_on": "The good news",
        "greedy_on": "I am having an odd issue",
        "pathological": "organism.sequence",
        "correct_sig": "rick",
    }
    for name, gone in quoted.items():
        assert gone in replies()[name]
        assert gone not in new_text(replies()[name]), name


def test_real_replies_keep_what_is_new() -> None:
    new = {
        "email_1_1": "-Abhishek Kona",
        "email_1_2": "You can list the keys for the bucket",
        "email_1_3": "Having the function would be great.",
        "email_1_5": "It goes on and on",
        "email_1_7": ":+1:",
        "email_1_8": "and under this.",
        "email_2_1": "Outlook with a reply",
        "email_bullets": "- and another",
        "email_one_is_not_on": "One outstanding question I had:",
        "email_sent_from_my_not_signature": "Sent from my desk, is much easier",
        "greedy_on": "On your remote host you can run:",
        "pathological": "I think you're onto something.",
    }
    for name, kept in new.items():
        assert kept in new_text(replies()[name]), name


GMAIL = (
    '<div dir="ltr">Oui&nbsp;, mardi &lt;14h&gt;.<br><b>Jane</b></div><br>'
    '<div class="gmail_quote gmail_quote_container"><div class="attr">On Tue, Ann wrote:</div>'
    '<blockquote class="gmail_quote"><div>Dear Jane</div></blockquote></div>'
)
OUTLOOK = (
    "<html><head><style>p {color: red}</style><title>x</title></head><body><p>Yes.</p><p>Jane</p>"
    '<div id="divRplyFwdMsg"><b>From:</b> Ann</div><div>Dear Jane</div></body></html>'
)
OUTLOOK_DESKTOP = (
    "<p class=MsoNormal>Yes.</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'>"
    "<p><b>From:</b> Ann</p></div><p>Dear Jane</p>"
)
APPLE = (
    'Yes.<div><br></div><blockquote type="cite">On 3 Mar 2026, Ann wrote:<br>Dear Jane</blockquote>'
    "<div>And one more thing.</div>"
)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (GMAIL, "Oui , mardi <14h>.\nJane"),
        (OUTLOOK, "Yes.\n\nJane"),
        (OUTLOOK_DESKTOP, "Yes."),
        (APPLE, "Yes.\n\nAnd one more thing."),
        ("<p>a<!-- <p>hidden</p> -->b</p><script>if (1 < 2) {}</script>", "ab"),
        ("1 < 2 &amp; 3 > 2", "1 < 2 & 3 > 2"),
        ("<ul><li>one</li><li>two</li></ul>", "one\n\ntwo"),
        ("<p>never closed", "never closed"),
        ("<!-- never closed", ""),
        ("", ""),
    ],
)
def test_html_becomes_text_without_quotations(html: str, text: str) -> None:
    assert text_of_html(html) == text
