"""A web server on the loopback that answers as a test wants."""

import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """A status, headers, and a body, whole (then its length is announced) or in blocks (then it is not)."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class LocalServer(ThreadingHTTPServer):
    """Answers to the paths in `answers`, 404 to others; notes in `asked` what it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: LocalServer

    def do_GET(self) -> None:  # noqa: N802
        self.server.asked.append(self.path)
        answer = self.server.answers.get(self.path, Answer(status=404))
        length = {"Content-Length": str(len(answer.body))} if isinstance(answer.body, bytes) else {}
        self.send_response(answer.status)
        for name, value in {**length, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # the other side may have had enough
            for block in [answer.body] if isinstance(answer.body, bytes) else answer.body:
                self.wfile.write(block)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def local_server() -> Iterator[LocalServer]:
    """Serve until the end of the block."""
    with LocalServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def no_server() -> Iterator[str]:
    """Give a URL where connections are refused."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, so that nobody else takes it, and not listening
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"
