"""Email over SMTP: a pool of persistent connections to the relay of an account."""
