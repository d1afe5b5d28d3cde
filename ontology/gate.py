"""A gate before a server on loopback: it asks for a token, where there is one, and rewrites queries."""

from __future__ import annotations

import base64
import binascii
import hmac
import http.client
import logging
import socket
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .dataset import Dataset

log = logging.getLogger(__name__)

Rewrite = Callable[[str], tuple[str, Dataset]]

MAX_BODY = 16 << 20
"""Bytes of a query: more than any that people write."""
_IDLE_SECONDS = 30
_BLOCK = 1 << 16
_FORM = "application/x-www-form-urlencoded"
_DEFAULT, _NAMED = "default-graph-uri", "named-graph-uri"
_FORWARDED = ("accept", "content-type", "origin")
_RETURNED = ("content-type", "content-length", "link", "location", "cache-control", "etag")


@contextmanager
def gate(
    listen: tuple[str, int],
    target: tuple[str, int],
    token: str | None,
    *,
    rewrite: Rewrite,
    timeout_seconds: int = 60,
) -> Iterator[tuple[str, int]]:
    """Pass requests on, until the context is left.

    The token is the value of ``Authorization: Bearer TOKEN``, or the password of ``Authorization: Basic …``, which a
    browser asks for.

    Parameters
    ----------
    listen
        Host and port to listen on; port 0 for a free one.
    target
        Host and port of the server.
    token
        What a request has to know; None lets all pass.
    rewrite
        Given the text of a query, what to ask instead, and over which graphs. Not used for queries whose request
        names graphs.
    timeout_seconds
        After this an answer of the server is no longer waited for; some more than the server takes itself.

    Yields
    ------
    tuple
        Host and port that it listens on.
    """
    settings = {"target": target, "token": token, "patience": timeout_seconds + 10, "rewrite": staticmethod(rewrite)}
    handler = type("Handler", (_Handler,), settings)
    family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
    server_class = type("Gate", (_Gate,), {"address_family": family})
    with server_class(listen, handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="gate", daemon=True)
        thread.start()
        try:
            yield listen[0], server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class _Gate(ThreadingHTTPServer):
    daemon_threads = True
    # Connections that are open when the gate closes must not hold it.
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that goes away, or talks something else, is its own matter.
        log.debug("a connection from %s ended badly", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    target: tuple[str, int]
    token: str | None
    patience: float
    rewrite: Rewrite
    protocol_version = "HTTP/1.1"
    server_version = "neurontology"
    sys_version = ""
    timeout = _IDLE_SECONDS

    def do_GET(self) -> None:
        self._pass()

    def do_HEAD(self) -> None:
        self._pass()

    def do_POST(self) -> None:
        self._pass()

    def log_message(self, format: str, *args: object) -> None:
        log.debug("%s %s", self.address_string(), format % args)

    def _allowed(self) -> bool:
        if self.token is None:
            return True
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).decode("latin-1").partition(":")[2]
            except (binascii.Error, ValueError):
                return False
        elif scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given.strip().encode("latin-1", "replace"), self.token.encode("latin-1"))

    def _refuse(self, status: HTTPStatus, why: str, **headers: str) -> None:
        """Answer with an error and end the connection: the rest of a refused request is not read."""
        body = f"{why}\n".encode()
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _pass(self) -> None:
        if not self._allowed():
            return self._refuse(
                HTTPStatus.UNAUTHORIZED,
                "This endpoint needs its token: Authorization: Bearer TOKEN",
                WWW_Authenticate='Basic realm="neurontology", charset="UTF-8"',
            )
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            return self._refuse(HTTPStatus.LENGTH_REQUIRED, "The length of the request is needed.")
        if int(length) > MAX_BODY:
            return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request may have {MAX_BODY} bytes.")
        if not self.path.startswith("/"):
            return self._refuse(HTTPStatus.BAD_REQUEST, "A path is needed.")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        headers = {name: self.headers[name] for name in _FORWARDED if name in self.headers}
        method, path = self.command, self.path
        asked = self._asked(body)
        if asked is not None and len(asked.get("query", ())) == 1 and asked.keys().isdisjoint((_DEFAULT, _NAMED)):
            query, dataset = self.rewrite(asked["query"][0])
            asked |= {"query": [query], _DEFAULT: list(dataset.default), _NAMED: list(dataset.named)}
            # Whatever its length: as the body of a POST.
            method, path = "POST", urllib.parse.urlsplit(path).path
            body = urllib.parse.urlencode(asked, doseq=True).encode()
            headers["content-type"] = _FORM
        connection = http.client.HTTPConnection(*self.target, timeout=self.patience)
        try:
            connection.request(method, path, body if method == "POST" else None, headers)
            self._answer(connection.getresponse())
        except (http.client.HTTPException, ValueError, ConnectionRefusedError, TimeoutError) as error:
            if self._answering:
                raise
            self._refuse(HTTPStatus.BAD_GATEWAY, f"The server behind the gate gave no answer ({error}).")
        finally:
            connection.close()

    def _asked(self, body: bytes) -> dict[str, list[str]] | None:
        """What a request asks, in any of the three ways of SPARQL's protocol; None if it is no query."""
        address = urllib.parse.urlsplit(self.path)
        if address.path != "/query" or self.command == "HEAD":
            return None
        try:
            asked = urllib.parse.parse_qs(address.query, keep_blank_values=True, errors="strict")
            if self.command == "POST":
                kind = self.headers.get_content_type()
                if kind == "application/sparql-query":
                    return asked | {"query": [*asked.get("query", ()), body.decode()]}
                if kind != _FORM:
                    return None
                asked |= urllib.parse.parse_qs(body.decode(), keep_blank_values=True, errors="strict")
        except ValueError:
            # What is no text gets its answer from the server.
            return None
        return asked

    _answering = False

    def _answer(self, response: http.client.HTTPResponse) -> None:
        """Hand an answer on as it comes."""
        self._answering = True
        self.send_response(response.status)
        for name in _RETURNED:
            value = response.getheader(name)
            if value is not None:
                self.send_header(name, value)
        bodyless = self.command == "HEAD" or response.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        chunked = not bodyless and response.getheader("content-length") is None
        if chunked and self.request_version == "HTTP/1.1":
            self.send_header("Transfer-Encoding", "chunked")
        elif chunked:
            chunked = False
            self.close_connection = True
        self.end_headers()
        # An answer that breaks off in the middle raises here, and the client sees that the last chunk is missing.
        while not bodyless and (block := response.read1(_BLOCK)):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        self._answering = False
