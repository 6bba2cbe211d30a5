"""The one place with SQL: every statement that Cadenza runs on PostgreSQL.

Modules are nouns. Functions take a connection inside a transaction, never
commit, and never read a clock: schedule time comes in as an argument,
and only leases use the database's own `clock_timestamp()`.
"""
