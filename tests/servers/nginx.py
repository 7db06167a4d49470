"""A private nginx in front of a server, with its default buffering."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.serving import free_port, status

PROGRAM = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
DEPLOYMENT_PAGE = Path(__file__).resolve().parents[2] / "docs" / "deployment.md"

_CONFIGURATION = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream platform {{ server {server}; }}
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
"""
PLAIN_LOCATION = "location / { proxy_pass http://platform; proxy_set_header Host $host; }"


def documented_location() -> str:
    """The `location` block of the deployment page."""
    page = DEPLOYMENT_PAGE.read_text()
    return page.partition("```nginx\n")[2].partition("```")[0]


@contextmanager
def nginx(server_url: str, location: str = PLAIN_LOCATION) -> Iterator[int]:
    """The port on which it listens, once it passes requests on."""
    with tempfile.TemporaryDirectory(prefix="threadless-nginx-") as folder:
        port = free_port()
        path = Path(folder, "nginx.conf")
        server = urlsplit(server_url).netloc
        path.write_text(_CONFIGURATION.format(folder=folder, port=port, server=server, location=location))
        process = subprocess.Popen([str(PROGRAM), "-p", folder, "-c", str(path), "-e", f"{folder}/error.log"])
        try:
            _wait_until_it_answers(f"http://127.0.0.1:{port}", process)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def _wait_until_it_answers(base_url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 10
    while True:
        assert process.poll() is None, "nginx has ended"
        try:
            assert status(f"{base_url}/api/v1/models") == 401
        except OSError:
            assert time.monotonic() < end, "nginx does not answer"
            time.sleep(0.02)
        else:
            return
