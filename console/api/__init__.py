"""The HTTP API for CRMs, scripts and task lists. See docs/http-api.md."""

from console.api.app import api_app

__all__ = ["api_app"]
