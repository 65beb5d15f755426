"""Logs, metrics and health of one machine over HTTP.

GET /health            200 while the worker's session is valid, else 503; no secret needed
GET /metrics           for Prometheus; no secret needed: figures only
GET /logs?model=M&since=S[&wait=W]   lines after S (seconds since the epoch) as JSON lines; with W it waits up to
                       W seconds for the first new one.  Needs `Authorization: Bearer <secret of the worker>`.
"""

from __future__ import annotations

import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from coordinator.domain.names import check_model_name
from coordinator.domain.task import TaskStatus
from coordinator.errors import BadRequest
from coordinator.settings import parse_listen
from coordinator.worker.host import Host

WAIT_S_MAX = 30.0
REQUEST_TIMEOUT_S = 60.0


class WorkerHttp:
    """The HTTP server of one worker.  *secret* is what readers of logs must show."""

    def __init__(self, listen: str, secret: str) -> None:
        host, port = parse_listen(listen)
        self._server = ThreadingHTTPServer((host, port), _Handler)
        self._server.daemon_threads = True
        self._server.secret = secret  # type: ignore[attr-defined]
        self._server.host = None  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def start(self, host: Host) -> None:
        self._server.host = host  # type: ignore[attr-defined]
        self._thread.start()

    def close(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_TIMEOUT_S
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        host: Host = self.server.host  # type: ignore[attr-defined]
        url = urlsplit(self.path)
        if url.path == "/health":
            valid = host.authority.is_valid()
            body = json.dumps({"machine": host.machine, "session": "valid" if valid else "not valid"})
            self._answer(200 if valid else 503, "application/json", body.encode())
        elif url.path == "/metrics":
            host.metrics.session.set(host.authority.is_valid())
            host.metrics.units.set(len(host.units()))
            waiting = [task.status is TaskStatus.PENDING for task in host.tasks()]
            host.metrics.tasks_queued.set(sum(waiting))
            host.metrics.tasks_running.set(len(waiting) - sum(waiting))
            self._answer(200, "text/plain; version=0.0.4", host.metrics.text())
        elif url.path == "/logs":
            self._logs(host, parse_qs(url.query))
        else:
            self._answer(404, "text/plain", b"not found; there are /health, /metrics and /logs\n")

    def _logs(self, host: Host, query: dict[str, list[str]]) -> None:
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given, f"Bearer {self.server.secret}"):  # type: ignore[attr-defined]
            self._answer(401, "text/plain", b"show the secret of this worker\n")
            return
        try:
            model = check_model_name(query.get("model", [""])[0])
            since_s = float(query.get("since", ["0"])[0])
            wait_s = min(float(query.get("wait", ["0"])[0]), WAIT_S_MAX)
        except (BadRequest, ValueError) as problem:
            self._answer(400, "text/plain", f"{problem}\n".encode())
            return
        log = host.logs.of(model)
        lines = list(log.read(since_s=since_s))
        if not lines and wait_s > 0:
            log.wait(wait_s)
            lines = list(log.read(since_s=since_s))
        body = "".join(json.dumps(line._asdict(), ensure_ascii=False) + "\n" for line in lines)
        self._answer(200, "application/x-ndjson", body.encode())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not worth a line each."""
