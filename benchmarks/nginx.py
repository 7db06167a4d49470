"""nginx with a plain `proxy_pass` to the upstream, without buffers: what passing bytes on costs at least."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

_CONFIG: Final = """
daemon off; worker_processes 1; worker_rlimit_nofile 8192;
pid {folder}/nginx.pid; error_log {folder}/nginx.error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; client_max_body_size 64m; client_body_buffer_size 8m; keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream mock {{ server {upstream}; keepalive 2000; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 120s;
        }}
        location = /health/liveliness {{ return 204; }}
    }}
}}
"""


def program() -> str:
    """The path of nginx. Raises `OSError`."""
    path = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        raise OSError("nginx is not installed")
    return path


def version() -> str:
    """Its version. Raises `OSError`."""
    told = subprocess.run([program(), "-v"], capture_output=True, text=True, check=True)
    found = re.search(r"nginx/([\d.]+)", told.stderr)
    return found[1] if found else ""


def command(upstream: str, folder: Path, port: int) -> list[str]:
    """Write the configuration for one worker into the folder, and return the command."""
    path = folder / "nginx.conf"
    path.write_text(_CONFIG.format(folder=folder, upstream=upstream.removeprefix("http://"), port=port))
    return [program(), "-c", str(path), "-e", str(folder / "nginx.error.log")]
