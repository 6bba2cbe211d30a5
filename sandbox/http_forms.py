"""Reads multipart/form-data (RFC 7578)."""

import re

from sandbox.http_server import Request
from sandbox.mail_reader import boundary_of, parse_headers, split_multipart

_NAME = re.compile(r'\bname="([^"]*)"')


def form_fields(request: Request) -> dict[str, str]:
    """Return the fields of a multipart form; of several with one name the first.

    A body of another kind has no fields.
    """
    content_type = request.headers.get("content-type", "")
    boundary = boundary_of(content_type)
    if boundary is None or not content_type.lower().startswith("multipart/form-data"):
        return {}
    fields: dict[str, str] = {}
    for head, content in split_multipart(request.body, boundary):
        name = _NAME.search(parse_headers(head).get("content-disposition", ""))
        if name is not None:
            fields.setdefault(name[1], content.decode("utf-8", "replace"))
    return fields
