-- Runtime

-- What is known of companies. name: as in prospect.company.
create table company (
    name text primary key,
    fields jsonb not null
);

-- What an enrollment is about: fields, and its other parties under `parties`.
alter table enrollment add column subject_fields jsonb not null default '{}';
create index enrollment_subject on enrollment (subject) where subject <> '';
-- How many run, and the day at which each began, for the cadence's policy.
create index enrollment_running on enrollment (cadence_id) where status <> 'finished';
create index enrollment_started on enrollment (cadence_id, started_at);

-- Ids under which a prospect is known too: a producer's, where its key is something else.
create table prospect_alias (
    key text primary key,
    prospect_id bigint not null references prospect
);
create index prospect_alias_prospect on prospect_alias (prospect_id);

-- When a person was last touched, or is being touched now (`touch_id` is not in the
-- ledger yet): whoever begins a touch takes this row first, so two can never begin
-- within the gap that the organisation leaves between touches to one person.
create table person_turn (
    prospect_id bigint primary key,
    touch_id bigint not null,
    began_at timestamptz not null
);
create index person_turn_touch on person_turn (touch_id);
create index touch_prospect_began on touch (prospect_id, began_at);

-- Signals come in messages with receipts of their own; keys of the two kinds may be equal.
alter table receipt add column kind text not null default 'enrollment'
    check (kind in ('enrollment', 'signal'));
alter table receipt drop constraint receipt_message_key_key;
alter table receipt add constraint receipt_once unique (kind, message_key);
alter table receipt_row drop constraint receipt_row_verdict_check;
alter table receipt_row add constraint receipt_row_verdict_check
    check (verdict in ('enrolled', 'duplicate', 'rejected', 'refused', 'recorded'));
alter table receipt_row add column starts_at timestamptz;

-- Enrollments that a signal, or what a colleague did, reached: such an event has several.
create table reaction (
    event_id bigint not null references event,
    enrollment_id bigint not null references enrollment,
    -- started, heard, moved, reopened, ended, refused.
    what text not null,
    reason text,
    primary key (event_id, enrollment_id)
);
create index reaction_enrollment on reaction (enrollment_id);
-- The order of what is told about one subject, or one person.
create index event_signal on event ((data->>'matter'), id) where type = 'signal';

-- The statuses that an enrollment had, and for how long each.
create table status_history (
    id bigint generated always as identity primary key,
    enrollment_id bigint not null references enrollment,
    status text not null,
    entered_at timestamptz not null,
    left_at timestamptz
);
create unique index status_history_one_open on status_history (enrollment_id)
    where left_at is null;
create index status_history_enrollment on status_history (enrollment_id);

-- The role that is to do it, where that is not its owner.
alter table task add column role text;
-- Numbers (from 1) of the items of the checklist that were ticked.
alter table task add column ticked jsonb not null default '[]';
alter table task add column voicemail text not null default '';
update task set checklist = coalesce(
    (select jsonb_agg(jsonb_build_object('item', item, 'mandatory', false) order by n)
        from jsonb_array_elements_text(checklist) with ordinality as t (item, n)), '[]');
create index task_open_role on task (role) where state = 'open' and role is not null;

-- Engine

-- Every position at which an enrollment stands, as `step:visit`: the main one, which
-- `step` and `visit` name too, and those of its lanes. Touches go out for these alone.
alter table enrollment add column standing text[] not null default '{}';
update enrollment set standing = array[step || ':' || visit];
-- Digest of what its log last says is known of the prospect.
alter table enrollment add column facts text not null default '';

alter table due drop constraint due_channel_check;
alter table due add constraint due_channel_check
    check (channel in ('email', 'sms', 'social', 'webhook', 'task', 'timer'));

-- What happened to each enrollment, as its planner was given it: replayed in order it
-- leads to the same state. No foreign key: its row is locked by whoever writes here.
create table course_log (
    enrollment_id bigint not null,
    number bigint generated always as identity,
    -- What the planner was told is now.
    recorded_now timestamptz not null,
    kind text not null,
    at timestamptz not null,
    step text,
    event text,
    data jsonb not null default '{}',
    -- The planner failed, and the enrollment was held.
    held boolean not null default false,
    primary key (enrollment_id, number)
);
-- Enrollments from before this revision have no log; theirs begins with where they stood.
insert into course_log (enrollment_id, recorded_now, kind, at, data)
    select id, changed_at, 'stood', changed_at, course from enrollment;

-- Templates

-- To whom a touch went, where that was not the prospect: a party of the subject.
alter table touch add column party text;
create index touch_party_recipient on touch (recipient) where party is not null;

-- Accounts and limits

-- Durable counters of everything that is limited over an hour or longer: one row per
-- window, or per bucket of a rolling window. A rolling key has a row of 1970 besides,
-- which whoever counts takes first. waiting: touches that were sent on to later windows.
create table quota_use (
    key text not null,
    window_start timestamptz not null,
    used int not null default 0,
    cap int not null,
    waiting int not null default 0,
    -- After this nobody asks for the row any more; kept for ever if null.
    forget_at timestamptz,
    primary key (key, window_start)
);
create index quota_use_forget on quota_use (forget_at) where forget_at is not null;
-- Days of 0.1 carry no zone: their counters begin anew.
drop table account_day;

-- Sender accounts that must rest, and those that did. retired: for good; their people
-- go on from other accounts, but no thread does.
create table account_pause (
    id bigint generated always as identity primary key,
    account text not null,
    retired boolean not null default false,
    reason text not null,
    source text not null check (source in ('by_hand', 'bounce_rate', 'complaint_rate')),
    paused_at timestamptz not null,
    resumed_at timestamptz
);
create unique index account_pause_one_open on account_pause (account) where resumed_at is null;
-- What health is judged by.
create index event_trouble on event (recorded_at)
    where type in ('bounced', 'complained') and touch_id is not null;

-- The account from which a prospect was first touched on a channel, by group.
create table sticky_account (
    prospect_id bigint not null references prospect,
    channel text not null,
    group_name text not null,
    account text not null,
    primary key (prospect_id, channel, group_name)
);

-- Which times of an account are taken, and by whom who was not touched before.
create index due_account on due (account, due_at) where account is not null;
alter table due add column is_first boolean not null default false;
-- Keys of the caps under which a row counts beside those of its account.
alter table due add column draws text[];
create index due_draws on due using gin (draws) with (fastupdate = off) where draws is not null;
-- What waits for room, of each account.
create index due_waiting on due (account, touch_id) where reason is not null;


-- Calendars and the fence

-- To which deployment this database belongs, and what it was when that was said: a
-- copy or a restored backup differs, and sends nothing until it is claimed anew.
create table instance (
    is_only boolean primary key default true check (is_only),
    claim_id uuid not null default gen_random_uuid(),
    name text not null,
    system_identifier text,
    database_oid bigint not null,
    -- Of this very table: a dump that is restored in place makes a new one.
    table_oid bigint not null,
    timeline int not null,
    claimed_at timestamptz not null
);

-- Which holidays, blackouts, legal hours and windows of accounts were in force since
-- when, so that touches are judged by those under which they began.
create table calendars_in_force (
    id bigint generated always as identity primary key,
    since timestamptz not null,
    digest text not null,
    document jsonb not null
);
create index calendars_in_force_since on calendars_in_force (since);

-- Consent

-- Its class: an opt-out forbids what is of class sales, and leaves what is of service.
alter table cadence_version add column service boolean not null default false;
update cadence_version set service = true
    where sources->0->>1 ~ '(^|\n)class[ ]*:[ ]*[''"]?service';
-- Opt-outs by mail and social forbade everything until now. Those of addresses that
-- bounced or complained as well were not noted twice: they stay as they are.
update suppression s set key = 'marketing:' || key
    where reason = 'unsubscribed' and split_part(key, ':', 1) in ('email', 'social')
    and not exists (select 1 from event e join touch t on t.id = e.touch_id
        where e.type in ('bounced', 'complained')
        and t.recipient = substr(s.key, strpos(s.key, ':') + 1));
