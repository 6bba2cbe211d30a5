"""Calendars: holidays, windows, zones, legal hours."""
