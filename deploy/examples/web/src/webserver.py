"""The workload: one page that counts its visitors in the store.

It takes one argument, a JSON file with title, unit, port, and address and token of the store; the file is read
for every page.
"""

import html
import json
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SETTINGS = Path(sys.argv[1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        settings = json.loads(SETTINGS.read_text())
        try:
            text, status = page(settings), 200
        except (OSError, ValueError) as problem:
            text, status = f"the store does not answer: {html.escape(str(problem))}\n", 502
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """One line per request would only fill the disk."""


def page(settings: dict) -> str:
    """Return the page; reads the count of visitors from the store, and writes the next one."""
    with urllib.request.urlopen(settings["store"], timeout=5) as answer:
        visits = int(json.load(answer).get("visits", 0)) + 1
    request = urllib.request.Request(
        f"{settings['store']}/visits",
        data=str(visits).encode(),
        method="PUT",
        headers={"Authorization": f"Bearer {settings['token']}"},
    )
    with urllib.request.urlopen(request, timeout=5):
        pass
    title = html.escape(settings["title"])
    return f"<h1>{title}</h1>\n<p>visit {visits}, served by {settings['unit']}, kept in {settings['store']}</p>\n"


ThreadingHTTPServer(("", json.loads(SETTINGS.read_text())["port"]), Handler).serve_forever()
