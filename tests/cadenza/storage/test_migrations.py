"""What the revisions of the schema make of rows that are there already."""

import json
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

import cadenza.storage.migrations
from cadenza.storage.database import Database
from cadenza.storage.migrations import upgrade_async

SALES, SERVICE = "cadence: a\nobjective: goal\n", "cadence: b\nclass: service\nobjective: goal\n"
PEOPLE = """
insert into cadence (name) values ('a'), ('b');
insert into prospect (key, email, owner_id, shard, time_zone, fields, created_at)
    values ('email:a@x.example', 'a@x.example', 'anna', 1, 'UTC', '{}', now())
"""
WHAT_HAPPENED = """
insert into touch (id, enrollment_id, prospect_id, cadence_id, version_id, step, visit, channel,
        account, recipient, status, planned_at, due_at, recorded_at)
    select 7, id, 1, 1, 1, 'hello', 1, 'email', 'mail', 'both@x.example', 'sent', now(), now(),
        now() from enrollment;
insert into event (source, external_id, type, occurred_at, recorded_at, about, data, touch_id)
    values ('t', '1', 'unsubscribed', now(), now(), '[]', '{}', 7),
           ('t', '2', 'complained', now(), now(), '[]', '{}', 7);
insert into suppression values
    ('email:a@x.example', 'unsubscribed', 'unsubscribe', now()),
    ('email:both@x.example', 'unsubscribed', 'unsubscribe', now()),
    ('social:ada', 'unsubscribed', 'unipile', now()),
    ('phone:+33612345678', 'unsubscribed', 'twilio', now()),
    ('email:b@x.example', 'bounced', 'smtp', now()),
    ('domain:y.example', 'do-not-contact list', 'by hand', now())
"""


async def upgrade_to(database: Database, revision: str) -> None:
    def run(connection: Connection) -> None:
        config = Config()
        folder = Path(cadenza.storage.migrations.__file__).parent
        config.set_main_option("script_location", str(folder))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="READ COMMITTED")
        await connection.run_sync(run)
        await connection.commit()


async def test_opt_outs_of_before_forbid_marketing_alone_and_classes_are_known(
    empty_database_url: str,
) -> None:
    async with Database(empty_database_url) as database:
        await upgrade_to(database, "0001")
        async with database.connection() as db:
            await db.execute(PEOPLE)
            for number, text in enumerate((SALES, SERVICE), start=1):
                await db.execute(
                    """insert into cadence_version
                        (cadence_id, version, digest, sources, applied_at)
                    values ($1, 1, 'd', $2::jsonb, now())""",
                    number,
                    json.dumps([["b.yaml", text], ["templates/c.liquid", "class: service"]]),
                )
            await db.execute(
                """insert into enrollment (prospect_id, cadence_id, version_id, shard, status, step,
                    visit, course, started_at, changed_at)
                values (1, 1, 1, 1, 'active', 'hello', 1, '{}', now(), now())"""
            )
            await db.execute(WHAT_HAPPENED)
        await upgrade_async(empty_database_url)
        async with database.connection() as db:
            keys = [row["key"] for row in await db.fetch("select key from suppression order by 1")]
            service = await db.fetch("select service from cadence_version order by id")
    assert keys == [
        "domain:y.example",
        "email:b@x.example",
        "email:both@x.example",
        "marketing:email:a@x.example",
        "marketing:social:ada",
        "phone:+33612345678",
    ]
    assert [row["service"] for row in service] == [False, True]
