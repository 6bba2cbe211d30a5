-- A touch is in exactly one place at a time: `due` (planned), `batch.touches`
-- (staged or being sent), or `touch` (the ledger: it happened). Rows move by
-- DELETE … RETURNING and INSERT, never by UPDATE (measured: a third of the cost).

create table cadence (
    id bigint generated always as identity primary key,
    name text not null unique
);

create table cadence_version (
    id bigint generated always as identity primary key,
    cadence_id bigint not null references cadence,
    version int not null,
    digest text not null,
    sources jsonb not null,
    applied_at timestamptz not null,
    unique (cadence_id, version)
);

create table prospect (
    id bigint generated always as identity primary key,
    -- Identity: `id:…` as the producer calls them, else `email:…`, `phone:…`, `social:…`.
    key text not null unique,
    email text,
    phone text,
    profile text,
    company text,
    owner_id text not null,
    shard smallint not null,
    time_zone text not null,
    country text,
    locale text,
    fields jsonb not null,
    created_at timestamptz not null
);
create index prospect_email on prospect (email) where email is not null;
create index prospect_phone on prospect (phone) where phone is not null;
create index prospect_profile on prospect (profile) where profile is not null;
create index prospect_company on prospect (company) where company is not null;

create table enrollment (
    id bigint generated always as identity primary key,
    prospect_id bigint not null references prospect,
    cadence_id bigint not null references cadence,
    version_id bigint not null references cadence_version,
    subject text not null default '',
    shard smallint not null,
    status text not null check (status in ('active', 'paused', 'finished')),
    outcome text check ((status = 'finished') = (outcome is not null)),
    reason text,
    -- How often an address of its prospect was put on the do-not-contact list:
    -- the journal refuses an attempt that was prepared before the last time.
    forbidden int not null default 0,
    step text not null,
    visit int not null,
    course jsonb not null,
    started_at timestamptz not null,
    changed_at timestamptz not null
) with (fillfactor = 70);
-- One active enrollment per prospect, cadence and subject.
create unique index enrollment_one_active on enrollment (prospect_id, cadence_id, subject)
    where status <> 'finished';
create index enrollment_prospect on enrollment (prospect_id);

create sequence touch_number;

-- The narrow queue of what is planned, one row per enrollment that waits for a time.
create table due (
    touch_id bigint primary key default nextval('touch_number'),
    enrollment_id bigint not null references enrollment,
    step text not null,
    visit int not null,
    channel text not null check (channel in ('email', 'sms', 'social', 'task', 'timer')),
    shard smallint not null,
    account text,
    due_at timestamptz not null,
    -- When it was first to go: lag is measured from here, however often it was put off.
    planned_at timestamptz not null,
    window_end timestamptz,
    attempts smallint not null default 0,
    reason text,
    -- One touch per step visit.
    unique (enrollment_id, step, visit)
);
create index due_next on due (due_at, shard);

create table batch (
    id bigint generated always as identity primary key,
    -- The channel of all its touches, or `mixed`.
    channel text not null,
    state text not null check (state in ('staged', 'released', 'claimed')),
    release_at timestamptz not null,
    hinted_at timestamptz,
    scheduler text not null,
    worker text,
    epoch int not null default 0,
    lease_until timestamptz,
    -- The journal's generation at the claim: another one now means that attempts were lost.
    generation bigint,
    -- Daily capacity taken for this batch: account, day, count.
    reserved jsonb not null default '[]',
    size int not null,
    touches jsonb not null
);

create table touch (
    id bigint primary key,
    enrollment_id bigint not null references enrollment,
    prospect_id bigint not null,
    cadence_id bigint not null,
    version_id bigint not null,
    step text not null,
    visit int not null,
    channel text not null,
    account text not null,
    recipient text not null,
    status text not null check (status in ('sent', 'unknown', 'failed')),
    code text,
    provider_id text,
    -- The conversation, where answers name only that.
    thread_id text,
    planned_at timestamptz not null,
    due_at timestamptz not null,
    window_end timestamptz,
    began_at timestamptz,
    recorded_at timestamptz not null,
    reconciled_by bigint,
    unique (enrollment_id, step, visit)
);
create index touch_provider_id on touch (provider_id) where provider_id is not null;
create index touch_thread_id on touch (thread_id) where thread_id is not null;
create index touch_account_began on touch (account, began_at);
create index touch_unknown on touch (recorded_at) where status = 'unknown';

-- Attempts of claimed batches. Unlogged: emptied by a crash of PostgreSQL, which the
-- missing marker shows; then every uncommitted touch of an older batch is unknown.
create unlogged table journal (
    batch_id bigint not null,
    epoch int not null,
    touch_id bigint not null,
    kind text not null check (kind in ('begin', 'answer')),
    at timestamptz not null,
    answer jsonb
);
create index journal_batch on journal (batch_id);

create unlogged table journal_generation (
    only_one boolean primary key default true check (only_one),
    generation bigint not null
);
create sequence journal_generation_number;

create table account_day (
    account text not null,
    day date not null,
    used int not null,
    cap int not null,
    last_grant int not null,
    primary key (account, day)
);

create table suppression (
    -- `email:…`, `domain:…`, `phone:…`, `social:…` or `prospect:…` (key of a prospect).
    key text primary key,
    reason text not null,
    source text not null,
    created_at timestamptz not null
);

create table task (
    id bigint generated always as identity primary key,
    enrollment_id bigint not null references enrollment,
    step text not null,
    visit int not null,
    kind text not null,
    owner_id text not null,
    title text not null,
    script text not null,
    checklist jsonb not null,
    dispositions jsonb not null,
    opened_at timestamptz not null,
    due_at timestamptz not null,
    state text not null check (state in ('open', 'done', 'skipped', 'cancelled')),
    disposition text,
    note text,
    closed_at timestamptz,
    unique (enrollment_id, step, visit)
);
create index task_open on task (due_at) where state = 'open';
-- Task lists are polled in order of their numbers, past all that was ever done.
create index task_open_number on task (id) where state = 'open';

create table event (
    id bigint generated always as identity primary key,
    source text not null,
    external_id text not null,
    type text not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    about jsonb not null,
    data jsonb not null,
    touch_id bigint,
    enrollment_id bigint,
    step text,
    -- One row per event, however often it arrives.
    unique (source, external_id)
);
create index event_enrollment on event (enrollment_id) where enrollment_id is not null;

-- Events that are stored and not yet applied.
create table inbox (
    event_id bigint primary key references event,
    not_before timestamptz not null,
    attempts int not null default 0
);

create table notification (
    id bigint generated always as identity primary key,
    owner_id text not null,
    enrollment_id bigint not null references enrollment,
    event_id bigint references event,
    kind text not null,
    created_at timestamptz not null,
    not_before timestamptz not null,
    attempts int not null default 0,
    sent_at timestamptz,
    failure text
);
create index notification_waiting on notification (not_before) where sent_at is null and failure is null;
create unique index notification_once on notification (event_id, enrollment_id) where event_id is not null;

-- Enrollment messages: the receipt, and a verdict for every row.
create table receipt (
    id bigint generated always as identity primary key,
    message_key text not null unique,
    cadence text,
    status text not null check (status in ('accepted', 'unreadable')),
    reason text,
    rows_accepted int not null default 0,
    rows_rejected int not null default 0,
    received_at timestamptz not null,
    -- What could not be read is kept for a person to look at.
    raw bytea
);
create table receipt_row (
    receipt_id bigint not null references receipt,
    row_number int not null,
    verdict text not null check (verdict in ('enrolled', 'duplicate', 'rejected')),
    reason text,
    field text,
    enrollment_id bigint,
    primary key (receipt_id, row_number)
);

-- Monotone counters, written in the transaction of what they count. `slot` spreads writers.
create table rollup (
    cadence text not null,
    step text not null,
    channel text not null,
    metric text not null,
    slot smallint not null,
    value bigint not null,
    primary key (cadence, step, channel, metric, slot)
) with (fillfactor = 50);

create table shard_lease (
    shard smallint primary key,
    scheduler text,
    epoch int not null default 0,
    lease_until timestamptz not null default '-infinity'
);
insert into shard_lease (shard) select generate_series(0, 255);

create table scheduler_process (
    scheduler text primary key,
    seen_at timestamptz not null
);
