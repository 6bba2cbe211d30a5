import pytest

from cadenza.model import TouchRef
from events.sources.click import ClickSource, redirect_location
from tests.events.samples import TARGET, TOUCH, click
from tests.events.support import LINKS, NOW, SIGNER, MemoryRecorder, gateway, raw_request

SOURCE = ClickSource(SIGNER)


def _click(target: str, signed: str) -> int:
    token = SIGNER.token("click", TOUCH, signed)
    return SOURCE.receive(
        raw_request("GET", LINKS.click(TOUCH, target), path_params={"token": token})
    ).status


def test_a_click_leads_to_the_target_and_is_recorded() -> None:
    answer = SOURCE.receive(click()[0][0])
    [event] = answer.events
    assert answer.status == 302
    assert answer.headers["location"] == "https://example.com/pricing?plan=%C3%A9&from=mail"
    assert event.data == {"url": TARGET, "by": "machine"}
    assert event.about == (TouchRef(touch_id=TOUCH),)
    assert event.occurred_at == NOW


def test_different_links_of_one_mail_are_different_events() -> None:
    ids = {
        SOURCE.receive(click(target)[0][0]).events[0].external_id
        for target in ("https://example.com/a", "https://example.com/b")
    }
    assert len(ids) == 2


def test_it_is_no_open_redirect() -> None:
    assert _click("https://evil.example/", "https://example.com/") == 404
    assert _click("https://example.com/?next=x", "https://example.com/") == 404


@pytest.mark.parametrize(
    "target",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,hi",
        "//evil.example/",
        "/local",
        "ftp://example.com/",
        "https://",
        "https:///path",
        "http://[::1",
        "https://example.com/\r\nSet-Cookie: a=b",
        "https://example.com\\@evil.example/",
        "https://example.com/" + "a" * 5000,
    ],
)
def test_only_plain_web_addresses_are_redirected_to_even_if_signed(target: str) -> None:
    assert _click(target, target) == 404


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("https://example.com", "https://example.com"),
        ("http://example.com:8080/a%20b?c=d#e", "http://example.com:8080/a%20b?c=d#e"),
        ("https://bücher.example/ä?ö=ü", "https://xn--bcher-kva.example/%C3%A4?%C3%B6=%C3%BC"),
        ("https://bücher.example:8443/", "https://xn--bcher-kva.example:8443/"),
        ("https://example.com/a b\"<>'", "https://example.com/a%20b%22%3C%3E'"),
    ],
)
def test_locations_are_ascii(target: str, location: str) -> None:
    assert redirect_location(target) == location


def test_a_link_that_was_changed_gets_a_page_in_the_readers_language() -> None:
    request = raw_request(
        "GET", "/c/x?u=y", path_params={"token": "x"}, headers={"accept-language": "fr-CA,en;q=.5"}
    )
    answer = SOURCE.receive(request)
    assert answer.status == 404
    assert "Ce lien n’est pas valide".encode() in answer.body
    assert b'lang="fr"' in answer.body


async def test_over_the_wire_the_link_of_a_mail_works() -> None:
    recorder = MemoryRecorder()
    async with gateway([SOURCE], recorder) as served:
        link = LINKS.click(TOUCH, "https://example.com/?q=a+b&c=%20d&e=ü#top")
        answer = await served.http.get(served.path(link))
        assert answer.status_code == 302
        assert answer.headers["location"] == "https://example.com/?q=a+b&c=%20d&e=%C3%BC#top"
        assert (await served.http.get(served.path(link) + "x")).status_code == 404
    assert len(recorder.events) == 1
