from html.parser import HTMLParser

import pytest

from cadenza.model import EventType, TouchRef
from events.pages import chosen_language
from events.sources.unsubscribe import UnsubscribeSource
from tests.events.samples import TOUCH
from tests.events.support import LINKS, SIGNER, MemoryRecorder, gateway

SOURCE = UnsubscribeSource(SIGNER, "Öl & <Söhne>")
MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
)


class Page(HTMLParser):
    """What the tests want to know of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, tag: str) -> dict[str, str | None]:
        return next(attributes for name, attributes in self.elements if name == tag)


async def test_to_open_the_page_changes_nothing_and_its_button_unsubscribes() -> None:
    recorder = MemoryRecorder()
    async with gateway([SOURCE], recorder) as served:
        path = served.path(LINKS.unsubscribe(TOUCH))
        for _ in range(3):
            answer = await served.http.get(path)
            assert answer.status_code == 200
        assert recorder.calls == []

        page = Page(answer.text)
        assert page.attributes("html")["lang"] == "en"
        assert page.attributes("form") == {"method": "post"}
        assert "Öl & <Söhne>" in page.text
        button = page.attributes("button")
        pressed = await served.http.post(path, data={str(button["name"]): str(button["value"])})
        assert "You are unsubscribed" in pressed.text
    [event] = recorder.events
    assert event.type is EventType.UNSUBSCRIBED
    assert event.about == (TouchRef(touch_id=TOUCH),)
    assert event.external_id == str(TOUCH)


async def test_one_click_posts_of_mail_providers_unsubscribe_once() -> None:
    recorder = MemoryRecorder()
    async with gateway([SOURCE], recorder) as served:
        path = served.path(LINKS.unsubscribe(TOUCH))
        form = await served.http.post(path, data={"List-Unsubscribe": "One-Click"})
        multipart = await served.http.post(
            path,
            content=MULTIPART,
            headers={"content-type": "multipart/form-data; boundary=b"},
        )
        bare = await served.http.post(path)
        assert [a.status_code for a in (form, multipart, bare)] == [200, 200, 200]
        assert (await served.http.post(path[:-1] + "0")).status_code == 404
    assert len(recorder.events) == 1


async def test_who_cannot_be_unsubscribed_now_is_not_told_so() -> None:
    recorder = MemoryRecorder()
    recorder.down = True
    async with gateway([SOURCE], recorder) as served:
        answer = await served.http.post(served.path(LINKS.unsubscribe(TOUCH)))
        assert answer.status_code == 503
        assert "unsubscribed" not in answer.text


async def test_the_pages_come_in_french_and_run_no_scripts() -> None:
    async with gateway([SOURCE], MemoryRecorder()) as served:
        path = served.path(LINKS.unsubscribe(TOUCH))
        headers = {"accept-language": "fr-FR,fr;q=0.9,en;q=0.8"}
        page = Page((await served.http.get(path, headers=headers)).text)
        done = await served.http.post(path, headers=headers)
    assert page.attributes("html")["lang"] == "fr"
    assert "Me désinscrire" in page.text
    assert "Vous êtes désinscrit" in done.text
    assert "form-action 'self'" in done.headers["content-security-policy"]
    assert "script" not in {tag for tag, _ in page.elements}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA", "fr"),
        ("FR;q=1", "fr"),
        ("en, fr", "en"),
        ("fr;q=0.5, en;q=0.4", "fr"),
        ("en;q=0.5, fr;q=0.9", "fr"),
        ("de, fr;q=0.3", "fr"),
        ("de", "en"),
        ("fr;q=0", "en"),
        ("fr;q=nan, en;q=0.1", "en"),
        ("fr;q=x", "en"),
        (";;;,,,q=", "en"),
        ("de," * 500 + "fr", "en"),
    ],
)
def test_the_language_is_the_one_that_the_client_prefers(accepted: str, language: str) -> None:
    assert chosen_language(accepted) == language
