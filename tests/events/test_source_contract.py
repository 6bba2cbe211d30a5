"""What every event source promises, run over all that the registry finds."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cadenza.abc import EventSource
from cadenza.errors import EventRejected
from cadenza.model import (
    AddressRef,
    Event,
    EventType,
    MessageRef,
    RawRequest,
    Route,
    TouchId,
    TouchRef,
)
from events.registry import configured_sources, source_types
from tests.events.samples import SAMPLES, Sample
from tests.events.support import (
    SIGNER,
    MemoryRecorder,
    accounts,
    gateway,
    raw_request,
)
from tests.events.support import settings as deployment_settings

SOURCES: dict[str, EventSource] = {
    source.name: source for source in configured_sources(deployment_settings(), SIGNER, accounts())
}
_BY_TOKEN = ("open_pixel", "click", "unsubscribe")
_GET_ROUTES = [
    (source, route)
    for source in SOURCES.values()
    for route in source.routes
    if route.method == "GET"
]
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
CASES = [
    pytest.param(SOURCES[name], sample, id=f"{name}-{number}")
    for name, samples in SAMPLES.items()
    for number, sample in enumerate(samples())
]
YIELDING = [case for case in CASES if case.values[1][1]]  # type: ignore[index]
BY_TOKEN = [case for case in YIELDING if case.values[0].name in _BY_TOKEN]  # type: ignore[union-attr]
every_source = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
ROUTES = [
    pytest.param(source, route, id=f"{route.method} {route.path}")
    for source in SOURCES.values()
    for route in source.routes
]


def _events(source: EventSource, request: RawRequest) -> list[Event]:
    """What the source makes of a request; refusing it is as good as nothing."""
    try:
        return list(source.receive(request).events)
    except EventRejected:
        return []


def _wrong_parameters(route: Route, token: str) -> dict[str, str]:
    return dict.fromkeys(re.findall(r"\{(\w+)\}", route.path), token)


def test_every_source_that_exists_is_tested_here() -> None:
    assert {kind.name for kind in source_types()} == set(SAMPLES) == set(SOURCES)


def test_names_and_routes_are_unique() -> None:
    routes = [(route.method, route.path) for source in SOURCES.values() for route in source.routes]
    assert len(routes) == len(set(routes))
    assert len({kind.name for kind in source_types()}) == len(source_types())


@every_source
def test_it_has_a_page_in_the_docs(source: EventSource) -> None:
    pages = Path(__file__).parents[2] / "docs" / "events"
    assert (pages / f"{source.name.replace('_', '-')}.md").is_file()


@every_source
def test_it_bounds_bodies(source: EventSource) -> None:
    assert 0 <= source.max_body_bytes <= 1024 * 1024
    assert source.routes


@pytest.mark.parametrize(("source", "sample"), CASES)
def test_authentic_requests_yield_what_they_should(source: EventSource, sample: Sample) -> None:
    request, types = sample
    assert [event.type for event in source.receive(request).events] == types


@pytest.mark.parametrize(("source", "sample"), YIELDING)
def test_events_can_be_stored(source: EventSource, sample: Sample) -> None:
    for event in source.receive(sample[0]).events:
        assert event.source == source.name
        assert 0 < len(event.external_id) <= 250
        assert event.occurred_at == sample[0].received_at
        assert event.about
        assert all(isinstance(r, TouchRef | MessageRef | AddressRef) for r in event.about)
        written = json.dumps([event.external_id, dict(event.data)])
        assert "\\u0000" not in written
        written.encode()
        assert len(written) < 24 * 1024


@pytest.mark.parametrize(("source", "sample"), YIELDING)
def test_the_same_request_again_is_the_same_event(source: EventSource, sample: Sample) -> None:
    first, again = (_events(source, sample[0]) for _ in range(2))
    assert [e.external_id for e in first] == [e.external_id for e in again]
    assert len({e.external_id for e in first}) == len(first)


@pytest.mark.parametrize(("source", "sample"), BY_TOKEN)
def test_nothing_is_taken_with_a_token_of_another_purpose(
    source: EventSource, sample: Sample
) -> None:
    request = sample[0]
    for purpose in ("open", "click", "unsubscribe", "sms", "reply", "bounce", "message"):
        other = SIGNER.token(purpose, next(iter(_touches(source, request))))
        if other != request.path_params["token"]:
            changed = dataclasses.replace(request, path_params={"token": other})
            assert _events(source, changed) == []


def _touches(source: EventSource, request: RawRequest) -> list[TouchId]:
    return [
        reference.touch_id
        for event in _events(source, request)
        for reference in event.about
        if isinstance(reference, TouchRef)
    ]


@pytest.mark.parametrize(("source", "sample"), YIELDING)
def test_any_change_to_what_authenticates_it_is_noticed(
    source: EventSource, sample: Sample
) -> None:
    request = sample[0]
    if source.name in _BY_TOKEN:
        token = request.path_params["token"]
        for position in range(len(token)):
            # The highest bit of a character: of the last one the others carry nothing.
            changed = _BASE32[_BASE32.index(token[position]) ^ 16]
            forged = token[:position] + changed + token[position + 1 :]
            assert not _events(source, dataclasses.replace(request, path_params={"token": forged}))
        return
    [secret] = set(request.headers) & {"x-twilio-signature", "unipile-auth"}
    value = request.headers[secret]
    for forged in ("", value[:-1], value + "x", value.swapcase(), "é" + value):
        headers = {**request.headers, secret: forged}
        assert not _events(source, dataclasses.replace(request, headers=headers))
    without = {name: text for name, text in request.headers.items() if name != secret}
    assert not _events(source, dataclasses.replace(request, headers=without))


@pytest.mark.parametrize(("source", "route"), ROUTES)
@given(token=st.text(max_size=60), body=st.binary(max_size=300), query=st.text(max_size=60))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_noise_yields_no_event_and_no_error(
    source: EventSource, route: Route, token: str, body: bytes, query: str
) -> None:
    request = RawRequest(
        method=route.method,
        url="https://go.example.com/x",
        path_params=_wrong_parameters(route, token),
        query={"u": query},
        headers={"x-twilio-signature": query, "unipile-auth": token, "accept-language": query},
        body=body,
        received_at=raw_request("GET", "/").received_at,
    )
    assert _events(source, request) == []


@pytest.mark.parametrize(("source", "route"), _GET_ROUTES)
def test_get_never_acts_but_for_opens_and_clicks(source: EventSource, route: Route) -> None:
    for samples in SAMPLES.values():
        for request, _ in samples():
            got = dataclasses.replace(request, method="GET")
            kinds = {event.type for event in _events(source, got)} if _fits(route, got) else set()
            assert kinds <= {EventType.OPENED, EventType.CLICKED}


def _fits(route: Route, request: RawRequest) -> bool:
    return set(_wrong_parameters(route, "")) <= set(request.path_params)


async def test_over_the_wire_large_bodies_are_refused_and_nothing_unknown_is_stored() -> None:
    recorder = MemoryRecorder()
    async with gateway(list(SOURCES.values()), recorder) as served:
        for source in SOURCES.values():
            for route in source.routes:
                path = re.sub(r"\{\w+\}", "a" * 28, route.path)
                body = b"x" * (source.max_body_bytes + 1)
                answer = await served.http.request(route.method, path, content=body)
                assert answer.status_code == 413, path
                answer = await served.http.request(route.method, path)
                assert answer.status_code in (200, 400, 403, 404), path
    assert recorder.calls == []


async def test_over_the_wire_redelivery_is_stored_once() -> None:
    recorder = MemoryRecorder()
    expected = set()
    async with gateway(list(SOURCES.values()), recorder) as served:
        for name, samples in SAMPLES.items():
            for request, _types in samples():
                expected |= {(name, e.external_id) for e in _events(SOURCES[name], request)}
                for _ in range(2):
                    answer = await served.http.request(
                        request.method,
                        served.path(request.url),
                        content=request.body or None,
                        headers=dict(request.headers),
                    )
                    assert answer.status_code < 400, request.url
    assert set(recorder.stored) == expected
