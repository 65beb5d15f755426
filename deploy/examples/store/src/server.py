"""The workload: a key-value store over HTTP, with its data in one file.

GET /KEY returns a value, PUT /KEY stores one, GET / lists all as JSON, GET /role says "primary" or "replica".
Writes need `Authorization: Bearer TOKEN`, and only the primary takes them.  A replica copies the primary's
data twice a second, so the next primary starts from there.
"""

import json
import os
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SETTINGS = json.loads(os.environ["SETTINGS"])
FILE = Path(SETTINGS["data"]) / "data.json"
COPY_EVERY_S = 0.5


class Data:
    """Values by key, kept in FILE: whole or not at all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, str] = json.loads(FILE.read_text()) if FILE.exists() else {}

    def all(self) -> dict[str, str]:
        with self._lock:
            return dict(self._values)

    def put(self, key: str, value: str) -> None:
        with self._lock:
            self._save({**self._values, key: value})

    def replace(self, values: dict[str, str]) -> None:
        with self._lock:
            if values != self._values:
                self._save(values)

    def _save(self, values: dict[str, str]) -> None:
        fresh = FILE.with_suffix(".new")
        fresh.write_text(json.dumps(values))
        fresh.replace(FILE)
        self._values = values


DATA = Data()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        key = self.path.lstrip("/")
        if not key:
            self._answer(200, json.dumps(DATA.all()))
        elif key == "role":
            self._answer(200, "replica" if SETTINGS["primary"] else "primary")
        else:
            value = DATA.all().get(key)
            self._answer(200 if value is not None else 404, value or "")

    def do_PUT(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        if self.headers.get("Authorization") != f"Bearer {SETTINGS['token']}":
            self.close_connection = True
            self._answer(401, "wrong token")
        elif size > SETTINGS["max_value_bytes"]:
            self.close_connection = True
            self._answer(413, f"at most {SETTINGS['max_value_bytes']} bytes")
        elif SETTINGS["primary"]:
            self.close_connection = True
            self._answer(409, "this is a replica; write to the primary")
        else:
            DATA.put(self.path.lstrip("/"), self.rfile.read(size).decode())
            self._answer(200, "")

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """One line per request would only fill the disk."""


def follow(primary: str) -> None:
    """Copy the primary's data for ever; while it does not answer, what we have is kept."""
    while True:
        try:
            with urllib.request.urlopen(primary, timeout=2) as answer:
                DATA.replace(json.load(answer))
        except (OSError, ValueError) as problem:
            print(f"cannot copy from {primary}: {problem}", flush=True)
        time.sleep(COPY_EVERY_S)


def main() -> None:
    if SETTINGS["primary"]:
        threading.Thread(target=follow, args=(SETTINGS["primary"],), daemon=True).start()
    ThreadingHTTPServer(("", SETTINGS["port"]), Handler).serve_forever()


if __name__ == "__main__":
    main()
