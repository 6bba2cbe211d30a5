"""Whatever happens in whatever order: every touch is in one place, and none is sent twice.

Hypothesis draws the stories of `tests.workers.stories`. To look for more of
them: `CADENZA_EXPLORE=1 CADENZA_STORIES=500 pytest tests/workers/test_interleavings.py`.
"""

import os
from datetime import timedelta

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.pipeline import pipeline
from tests.workers.stories import FATES, PEOPLE, SHAPES, TWICE, Story, file_of, sources

STORIES = int(os.environ.get("CADENZA_STORIES", "15"))
TABLES = """truncate cadence, cadence_version, prospect, enrollment, due, batch, touch, journal,
    journal_generation, quota_use, suppression, task, event, inbox, notification, receipt,
    receipt_row, rollup, scheduler_process, person_turn, account_pause, course_log, reaction,
    sticky_account, prospect_alias, company, status_history restart identity cascade"""

person = st.integers(1, PEOPLE)
fates = st.lists(st.sampled_from(FATES), min_size=PEOPLE, max_size=PEOPLE)
# What is worth most is drawn most often.
ALONE = """stage; deliver again; go on; go on; lose the worker; lose the worker; settle;
    crash the database; apply; apply; turns; rest; wake; migrate"""
TO_SOMEBODY = """stop; pause; pause; pause for a day; resume; reply; opt out; complain; forbid;
    jump; jump; enough; back; move; move back"""
deliver = st.tuples(st.just("deliver"), fates)
action = st.one_of(
    deliver,
    deliver,
    st.tuples(st.sampled_from([what.strip() for what in ALONE.split(";")])),
    st.tuples(st.sampled_from([what.strip() for what in TO_SOMEBODY.split(";")]), person),
)


@pytest.mark.timeout(STORIES * 20)
@settings(
    max_examples=STORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    shape=st.sampled_from(sorted(SHAPES)),
    person_gap=st.sampled_from([timedelta(), timedelta(hours=1)]),
    min_gap=st.sampled_from(["0 seconds", "10 minutes"]),
    story_line=st.lists(action, min_size=4, max_size=20),
)
async def test_every_touch_is_in_one_place_and_none_is_sent_twice(
    database_url: str,
    redis_url: str,
    shape: str,
    person_gap: timedelta,
    min_gap: str,
    story_line: list[tuple[object, ...]],
) -> None:
    file, files = file_of(person_gap, min_gap), sources(shape)
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    async with pipeline(database_url, redis_url, file=file, sources=files) as line:
        await line.execute(TABLES)
    async with pipeline(database_url, redis_url, file=file, sources=files) as line:
        story = Story(line=line, shape=shape)
        line.world.before_begin, line.world.after_begin = story.before, story.after
        await line.enroll(PEOPLE, company="Acme")
        for what, *of in story_line:
            await story.act(str(what), *of)
            assert await line.value(TWICE) == 0, story_line
        await story.end()
        await story.check()
