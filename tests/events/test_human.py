"""Who opens mails and follows links: people, or what says that it is a machine."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.model import Event, RawRequest
from events.human import scored_by
from events.sources.click import ClickSource
from events.sources.open_pixel import OpenPixelSource
from tests.events.samples import click, open_pixel
from tests.events.support import SIGNER

PEOPLE = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Mobile/15E148",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.0",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)",
    "Mozilla/5.0 (Linux; Android 9; CUBOT) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36",
    # Google's proxy fetches when the mail is looked at.
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
]
MACHINES = [
    "",
    "   ",
    "Mozilla/5.0",  # Apple's Mail Privacy Protection
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0",  # Gmail, ahead of the reader
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0 Safari/537.36",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Barracuda Sentinel (EE)",
    "python-requests/2.32.3",
    "curl/8.5.0",
    "Java/17.0.2",
    "Go-http-client/1.1",
]


@pytest.mark.parametrize("agent", PEOPLE)
def test_what_people_use_counts_as_theirs(agent: str) -> None:
    assert scored_by(agent) == "person"


@pytest.mark.parametrize("agent", MACHINES)
def test_what_says_that_it_is_a_machine_counts_as_one(agent: str) -> None:
    assert scored_by(agent) == "machine"


def test_who_only_asks_for_the_head_looks_at_nothing() -> None:
    assert scored_by(PEOPLE[0], "HEAD") == "machine"


@given(agent=st.text(max_size=3000), method=st.text(max_size=10))
def test_whatever_is_said_has_a_score(agent: str, method: str) -> None:
    assert scored_by(agent, method) in ("machine", "person")


@pytest.mark.parametrize(
    ("source", "sample"),
    [(OpenPixelSource(SIGNER), open_pixel()[0][0]), (ClickSource(SIGNER), click()[0][0])],
    ids=["open", "click"],
)
def test_a_machine_does_not_stand_for_the_person_of_the_same_minute(
    source: OpenPixelSource | ClickSource, sample: RawRequest
) -> None:
    events: list[Event] = []
    for agent in (MACHINES[2], PEOPLE[0], PEOPLE[1]):
        request = dataclasses.replace(sample, headers={"user-agent": agent})
        events += source.receive(request).events
    assert [event.data["by"] for event in events] == ["machine", "person", "person"]
    assert len({event.external_id for event in events}) == 2
