"""The HTTP server: limits, errors to status codes, and where it may listen.

Role: FastAPI application over routes/, served by uvicorn in a thread of its own.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from coordinator import __version__
from coordinator.api.routes import router
from coordinator.api.services import Services
from coordinator.errors import BadRequest, CoordinatorError, Refused, Unavailable
from coordinator.log import get_logger
from coordinator.settings import ControllerSettings, parse_listen
from coordinator.wire import API, error_to_json

BODY_BYTES_MAX = 1024 * 1024
SECRET_BYTES_MAX = 2 * BODY_BYTES_MAX  # what is too large shall hear of the limit of secrets
CHARM_BYTES_MAX = 512 * 1024 * 1024
START_S = 10.0
UPLOADS = (f"{API}/charms", f"{API}/resources")
DRAIN_S = 5  # how long requests under way may take when the server stops

log = get_logger()


def make_app(services: Services) -> FastAPI:
    """Return the application; its OpenAPI description is at /openapi.json."""
    app = FastAPI(title="coordinator", version=__version__, docs_url=None, redoc_url=None)
    app.state.services = services
    app.include_router(router)

    @app.exception_handler(CoordinatorError)
    def on_error(request: Request, error: CoordinatorError) -> JSONResponse:
        status, body = error_to_json(error)
        return JSONResponse(body, status)

    @app.exception_handler(RequestValidationError)
    def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        problems = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors())
        status, body = error_to_json(BadRequest("the request is malformed", why=problems))
        return JSONResponse(body, status)

    @app.exception_handler(Exception)
    def on_bug(request: Request, error: Exception) -> JSONResponse:
        log.error("api.bug", path=request.url.path, exc_info=error)
        status, body = error_to_json(
            CoordinatorError("the controller failed", why=repr(error), fix="see the log of the controller")
        )
        return JSONResponse(body, status)

    @app.middleware("http")
    async def limit_body(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        limit = _limit_of(request.url.path)
        length = request.headers.get("content-length")
        if request.method in ("POST", "PATCH", "PUT") and (length is None or int(length) > limit):
            size = "no length" if length is None else f"{length} bytes"
            _, body = error_to_json(BadRequest(f"the request has {size}", why=f"the limit is {limit} bytes"))
            return JSONResponse(body, 411 if length is None else 413)
        return await go_on(request)

    @app.get("/health")
    def health() -> dict[str, str]:
        """Says that this process answers; whether etcd does is what every other request finds out."""
        return {"status": "ok"}

    return app


def _limit_of(path: str) -> int:
    if path in UPLOADS:
        return CHARM_BYTES_MAX
    return SECRET_BYTES_MAX if "/secrets" in path else BODY_BYTES_MAX


class ApiServer:
    """Serves until `close`."""

    def __init__(self, settings: ControllerSettings, services: Services) -> None:
        host, port = parse_listen(settings.listen)
        check_listen(settings, host)
        self._socket = _bind(host or "0.0.0.0", port)
        config = uvicorn.Config(
            make_app(services),
            log_level="warning",
            access_log=False,
            ssl_certfile=settings.tls_cert or None,
            ssl_keyfile=settings.tls_key or None,
            timeout_graceful_shutdown=DRAIN_S,
            lifespan="off",
        )
        try:
            config.load()  # here, not in the thread of the server: nobody would hear of a certificate that is none
        except (OSError, ssl.SSLError) as cause:
            self._socket.close()
            raise Refused(
                f"cannot serve TLS with {settings.tls_cert} and {settings.tls_key}",
                why=cause.strerror or str(cause),
                fix="COORDINATOR_TLS_CERT and COORDINATOR_TLS_KEY name a certificate and its key, as PEM files",
            ) from cause
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="api", daemon=True
        )

    @property
    def port(self) -> int:
        return self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        """Where others reach it: the address it listens on, or this host's name when it listens on all."""
        host = self._socket.getsockname()[0]
        scheme = "https" if self._server.config.is_ssl else "http"
        shown = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
        return f"{scheme}://{shown}:{self.port}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(DRAIN_S + 2)
        self._socket.close()


def check_listen(settings: ControllerSettings, host: str) -> None:
    """Raise Refused where tokens and relation data would cross a network in the clear."""
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise BadRequest("TLS needs both a certificate and a key", fix="set COORDINATOR_TLS_CERT and _TLS_KEY")
    if settings.tls_cert or settings.allow_plaintext_api_beyond_loopback or _is_loopback(host):
        return
    raise Refused(
        f"cannot listen on {settings.listen} without TLS",
        why="tokens and relation data would cross the network in the clear",
        fix="set COORDINATOR_TLS_CERT and COORDINATOR_TLS_KEY; or listen on 127.0.0.1; or, on a private network "
        "only, set COORDINATOR_ALLOW_PLAINTEXT_API_BEYOND_LOOPBACK=true",
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
    except OSError as cause:
        listener.close()
        raise Unavailable(
            f"cannot listen on {host}:{port}", why=str(cause), fix="choose another port with --listen HOST:PORT"
        ) from cause
    return listener
