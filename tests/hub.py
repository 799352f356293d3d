"""A hub on loopback that serves one file, and misbehaves as it is told."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PATHS = ("/owner/model-GGUF/resolve/main/", "/cdn/")
_STEP = 1 << 16


class Hub(ThreadingHTTPServer):
    """Serves ``files`` under ``/owner/model-GGUF``; each attribute below is one way to misbehave."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.ignores_range = False
        self.refuses_range = False
        self.unavailable = 0  # how many of the next answers are a passing error
        self.redirects = False
        self.sizeless = False  # no length of the body: its end is where the connection ends
        self.extra = b""  # sent behind the file
        self.announced: str | None = None  # a sha256 other than the file's
        self.error: tuple[int, str] | None = None  # a status and the hub's code for it
        self.breaks: list[int] = []  # after how many bytes each of the next answers ends
        self.before_byte: Callable[[int], None] = lambda _: None
        self.asked: list[tuple[str, str]] = []  # method and Range of each request
        self.hosts: list[tuple[str, str | None]] = []  # host and Authorization of each GET

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def kill_at(self, byte: int, victim: list[int], part: Path, kept: int) -> None:
        """Send SIGKILL to the process in ``victim`` before this byte goes out, once ``part`` holds ``kept`` bytes."""

        def strike(place: int) -> None:
            if place >= byte:
                while not victim or (kept and part.stat().st_size < kept):
                    time.sleep(0.005)
                os.kill(victim[0], signal.SIGKILL)

        self.before_byte = strike

    def run(self) -> None:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, format: str, *args: Any) -> None:
        """Tests print nothing."""

    def do_HEAD(self) -> None:
        hub, data = self.server, self._file()
        hub.asked.append(("HEAD", ""))
        if data is None:
            return
        sha256 = hub.announced or hashlib.sha256(data).hexdigest()
        self.send_response(302 if hub.redirects else 200)
        if hub.redirects:
            self.send_header("Location", self._elsewhere())
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("X-Linked-Etag", f'"{sha256}"')
        self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("Content-Length", "0" if hub.redirects else str(len(data)))
        self.end_headers()

    def do_GET(self) -> None:
        hub, data = self.server, self._file()
        asked = self.headers.get("Range", "")
        if data is None:
            return
        if hub.redirects and not self.path.startswith("/cdn/"):
            self.send_response(302)
            self.send_header("Location", self._elsewhere())
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        hub.asked.append(("GET", asked))
        hub.hosts.append((self.headers["Host"], self.headers.get("Authorization")))
        if hub.unavailable > 0 or (asked and hub.refuses_range):
            hub.unavailable -= 1
            self.send_response(416 if hub.refuses_range else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0 if hub.ignores_range or not asked else int(asked.removeprefix("bytes=").rstrip("-"))
        body = data[start:] + hub.extra
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if not hub.sizeless:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(body[: hub.breaks.pop(0)] if hub.breaks else body, start)
        self.close_connection = True

    def _send(self, body: bytes, start: int) -> None:
        for place in range(0, len(body), _STEP):
            self.server.before_byte(start + place)
            self.wfile.write(body[place : place + _STEP])
        self.server.before_byte(start + len(body))

    def _file(self) -> bytes | None:
        name = self.path.rpartition("/")[2]
        status, code = self.server.error or (404, "EntryNotFound")
        if self.server.error or name not in self.server.files or not self.path.startswith(PATHS):
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        return self.server.files[name]

    def _elsewhere(self) -> str:
        """The same machine under another name: for the client, another host."""
        return f"http://localhost:{self.server.server_address[1]}/cdn/{self.path.rpartition('/')[2]}"
