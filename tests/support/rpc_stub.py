"""A JSON-RPC server in this process that gives fixed answers: a node as `quip` sees it."""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from quip.node.process.running_nodes import announced
from quip.storage.lock import DataDirLock


@contextlib.contextmanager
def answering(results: Mapping[str, Any]) -> Iterator[str]:
    """The URL of a server that answers these methods; others crash it, and so the test."""

    class Stub(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calls = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answers = [{"jsonrpc": "2.0", "id": call["id"], "result": results[call["method"]]} for call in calls]
            body = json.dumps(answers).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def running(place: Path, status: Mapping[str, Any] | None = None) -> Iterator[str]:
    """As if a node ran in a data directory: its lock, its notes, its RPC, whose URL this is."""
    place.mkdir(exist_ok=True)
    results = {"quip_getStatus": {**(status or {}), "dataDir": str(place.resolve())}}
    with DataDirLock.acquire(place), answering(results) as url, announced(place, url):
        yield url
