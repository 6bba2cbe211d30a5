"""The outside world: mail, SMS and social servers, and people who react.

It knows wire formats only and imports none of the other packages.
"""
