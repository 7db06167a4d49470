"""A page of another origin calls the endpoint in a real browser, with the settings of the manual."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support.serving import Host, Server, prepared_host, serve
from tests.support.upstream import ScriptedUpstream

WAIT = 20
CALL = """
const [url, key, stream, done] = arguments;
const headers = {"Authorization": `Bearer ${key}`, "Content-Type": "application/json", "x-stainless-lang": "js"};
const body = JSON.stringify({model: "small", stream, messages: [{role: "user", content: "Hi"}]});
fetch(url, {method: "POST", headers, body}).then(async (response) => {
  const reader = response.body.getReader();
  let text = "", pieces = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += new TextDecoder().decode(part.value);
    pieces += 1;
  }
  done({status: response.status, headers: Object.fromEntries(response.headers), text, pieces});
}).catch((error) => done({error: error.name}));
"""


class Page(BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Page</title>")

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def origins() -> Iterator[list[str]]:
    """Two origins with a page. The host allows the first one."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Page) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield [f"http://127.0.0.1:{server.server_port}" for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


class Caller:
    """Calls the endpoint from a page."""

    def __init__(self, browser: Any, host: Host, server: Server) -> None:
        self.browser, self.key, self.url = browser, host.key, f"{server.base_url}/api/v1/chat/completions"

    def call(self, origin: str, *, stream: bool = False, key: str = "") -> dict[str, Any]:
        self.browser.get(origin)
        self.browser.set_script_timeout(WAIT)
        result: dict[str, Any] = self.browser.execute_async_script(CALL, self.url, key or self.key, stream)
        return result


@pytest.fixture(scope="module")
def caller(chromium: Any, origins: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with ScriptedUpstream() as upstream:
        env = {"UPSTREAM_BASE_URL": upstream.base_url, "UPSTREAM_MODELS": "small", "PAGE_ORIGIN": origins[0]}
        host = prepared_host(tmp_path_factory.mktemp("host"), **env)
        with serve("gthread", env=host.env, settings="tests.api.cors_settings") as server:
            yield Caller(chromium, host, server)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_page_of_an_allowed_origin_reads_the_answer(caller: Caller, origins: list[str], stream: bool) -> None:
    got = caller.call(origins[0], stream=stream)
    assert got["status"] == 200
    assert ("[DONE]" if stream else "Hello there") in got["text"]


def test_page_reads_the_headers_that_the_manual_exposes(caller: Caller, origins: list[str]) -> None:
    headers = caller.call(origins[0])["headers"]
    assert headers["x-request-id"].startswith("req_")
    assert headers["x-ratelimit-limit-requests"] == "1000"
    assert "openai-processing-ms" in headers


def test_page_reads_an_error(caller: Caller, origins: list[str]) -> None:
    got = caller.call(origins[0], key="wrong")
    assert (got["status"], '"code":"invalid_api_key"' in got["text"]) == (401, True)
    assert got["headers"]["x-request-id"]


def test_page_of_another_origin_reads_nothing(caller: Caller, origins: list[str]) -> None:
    assert caller.call(origins[1]) == {"error": "TypeError"}
