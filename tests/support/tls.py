"""A server on loopback that speaks TLS with its own certificate, as an upstream or behind a proxy's tunnel."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Self

import pytest

from tests.support.bodies import completion

HOST = "llm.invalid"
"""Nobody can be reached there but through a proxy."""


def make_certificate(folder: Path) -> Path:
    """A file with a certificate for loopback and `HOST`, signed by itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on the path")
    path = folder / "certificate.pem"
    names = f"subjectAltName=IP:127.0.0.1,DNS:{HOST}"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command = ["openssl", "req", "-x509", *kind, "-subj", "/CN=test", "-addext", names]
    output = ["-out", str(path), "-keyout", "-"]
    key = subprocess.run([*command, *output], check=True, capture_output=True, timeout=60).stdout
    path.write_bytes(path.read_bytes() + key)
    return path


class Server:
    """Answers each request with a completion. With a certificate it speaks TLS, at once or after a `CONNECT`."""

    def __init__(self, certificate: Path | None = None, *, is_proxy: bool = False) -> None:
        self.heads: list[str] = []
        """Of all requests, oldest first."""
        self._context = None if certificate is None else ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self._context is not None and certificate is not None:
            self._context.load_cert_chain(certificate)
        self._is_proxy = is_proxy

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, name="tls-upstream", daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                sock, _ = self._listener.accept()
                sock.settimeout(10)
                with contextlib.suppress(OSError), sock:  # a client that does not trust us goes
                    self._talk(sock)

    def _talk(self, sock: socket.socket) -> None:
        if self._context is None:
            self._answer(sock)
            return
        if self._is_proxy:
            self._read(sock)
            sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        with self._context.wrap_socket(sock, server_side=True) as secured:
            self._answer(secured)

    def _answer(self, sock: socket.socket) -> None:
        self._read(sock)
        body = json.dumps(completion()).encode()
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    def _read(self, sock: socket.socket) -> None:
        """One request, whose head is kept."""
        with sock.makefile("rb") as file:
            lines = list(iter(file.readline, b"\r\n"))
            head = b"".join(lines).decode()
            self.heads.append(head)
            length = next((line.split(":")[1] for line in head.splitlines() if line.startswith("Content-Length")), "0")
            file.read(int(length))
