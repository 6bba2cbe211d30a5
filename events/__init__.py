"""In: what comes back. Each source verifies, normalises and hands over events that are stored once.

`gateway` serves the HTTP sources of `events.sources`; `mailbox` receives mail.
"""
