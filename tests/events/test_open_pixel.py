from datetime import timedelta

from cadenza.links import LinkSigner
from cadenza.model import TouchRef
from events.sources.open_pixel import TRANSPARENT_GIF, OpenPixelSource
from tests.events.samples import TOUCH
from tests.events.support import NOW, SIGNER, raw_request

SOURCE = OpenPixelSource(SIGNER)


def test_the_image_is_a_transparent_gif_of_43_bytes() -> None:
    assert len(TRANSPARENT_GIF) == 43
    assert TRANSPARENT_GIF.startswith(b"GIF89a\x01\x00\x01\x00")
    assert TRANSPARENT_GIF[19:24] == b"\x21\xf9\x04\x01\x00"  # with a transparent colour


def test_a_wrong_token_gets_the_same_answer_and_no_event() -> None:
    token = SIGNER.token("open", TOUCH)
    right = SOURCE.receive(raw_request("GET", "/o/x.gif", path_params={"token": token}))
    wrong = SOURCE.receive(raw_request("GET", "/o/x.gif", path_params={"token": token[::-1]}))
    assert wrong.events == ()
    assert (right.status, right.media_type, right.body) == (200, "image/gif", TRANSPARENT_GIF)
    assert (wrong.status, wrong.media_type, wrong.body) == (200, "image/gif", TRANSPARENT_GIF)
    assert right.headers == wrong.headers


def test_one_event_a_minute_however_often_the_image_is_fetched() -> None:
    token = SIGNER.token("open", TOUCH)
    ids = []
    for seconds in (0, 29, 30, 90):
        at = NOW + timedelta(seconds=seconds)
        request = raw_request("GET", "/o/x.gif", path_params={"token": token}, received_at=at)
        [event] = SOURCE.receive(request).events
        assert event.about == (TouchRef(touch_id=TOUCH),)
        ids.append(event.external_id)
    assert ids[0] == ids[1] == f"{TOUCH}.20260303T1000.m"
    assert len({*ids[1:]}) == 3


def test_tokens_of_a_retired_key_still_open() -> None:
    token = LinkSigner([b"the key of last year"]).token("open", TOUCH)
    request = raw_request("GET", "/o/x.gif", path_params={"token": token})
    assert len(SOURCE.receive(request).events) == 1
