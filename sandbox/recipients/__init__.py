"""The people behind mail addresses, phone numbers and profiles."""
