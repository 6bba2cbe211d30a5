"""Serves `/metrics` and `/healthz` of one process from a thread of its own."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app, start_http_server

from cadenza.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Trouble = Callable[[], str | None]
"""What is wrong with this process, in one line without secrets; None: it is well."""


@dataclass(frozen=True, kw_only=True)
class MetricsServer:
    """A running server. port: where it really listens."""

    port: int
    _server: WSGIServer
    _thread: threading.Thread

    def close(self) -> None:
        """Stop listening; takes up to half a second. Requests under way are not waited for."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve_metrics(
    registry: CollectorRegistry, *, host: str, port: int, trouble: Trouble
) -> MetricsServer:
    """Serve the registry at `/metrics` and the verdict of `trouble` at `/healthz`.

    port 0: any free one. `/healthz` answers 200, or 503 with the trouble.
    Raises ConfigurationError if the address cannot be listened on.
    """
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise ConfigurationError(
            f"cannot serve metrics on {host} port {port}: {error.strerror}; choose another "
            f"CADENZA_METRICS_PORT (of the exporter: CADENZA_EXPORTER_PORT)"
        ) from error
    # The library's own application answers every path with the metrics.
    server.set_app(_application(registry, trouble))
    return MetricsServer(port=server.server_port, _server=server, _thread=thread)


def _application(registry: CollectorRegistry, trouble: Trouble) -> "WSGIApplication":
    metrics: WSGIApplication = make_wsgi_app(registry)

    def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics(environ, start_response)
            case "/healthz":
                wrong = trouble()
                status = "200 OK" if wrong is None else "503 Service Unavailable"
                return _text(start_response, status, wrong or "ok")
            case _:
                return _text(start_response, "404 Not Found", "here are /metrics and /healthz")

    return application


def _text(start_response: "StartResponse", status: str, line: str) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{line}\n".encode()]
