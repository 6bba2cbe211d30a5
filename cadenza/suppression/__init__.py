"""The do-not-contact list: who may put what on it, and what that forbids."""
