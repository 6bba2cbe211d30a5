"""Signals: what the outside tells of an order, a claim or a person, and what that does."""
