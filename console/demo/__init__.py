"""The time-lapse demo: a month through real servers, against the sandbox, in a minute or two."""
