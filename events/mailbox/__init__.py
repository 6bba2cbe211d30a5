"""Mail that comes back: replies, automatic answers, bounces, complaints, unsubscriptions.

`server` receives it by SMTP and LMTP, `interpret` says what it means.
"""
