"""How an upstream is reached: over TLS if its certificate is trusted, through a proxy if the environment names one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tls import HOST, Server, make_certificate
from threadless.backends.openai import OpenAIBackend
from threadless.exceptions import UpstreamUnavailable
from threadless.types import Caller, ChatRequest, Completion, Target

PATH = "/v1/chat/completions"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def ask(base_url: str, *, trust_env: bool = True) -> Completion:
    backend = OpenAIBackend(base_url=base_url, api_key="key", trust_env=trust_env)
    return backend.complete(ChatRequest.build(messages=[]), Target(id="small", model="small"), Caller(user_id=None))


def first_lines(server: Server) -> list[str]:
    """The request lines that a server has read."""
    return [head.splitlines()[0] for head in server.heads]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Names neither proxies nor certificates until a test does."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.fixture
def secure(certificate: Path) -> Iterator[Server]:
    with Server(certificate) as server:
        yield server


@pytest.fixture
def proxy(environment: pytest.MonkeyPatch) -> Iterator[Server]:
    """Named by the environment for plain HTTP."""
    with Server() as server:
        environment.setenv("HTTP_PROXY", f"http://user:word@127.0.0.1:{server.port}")
        yield server


@pytest.fixture
def tunnel(environment: pytest.MonkeyPatch, certificate: Path) -> Iterator[Server]:
    """Named by the environment for HTTPS."""
    with Server(certificate, is_proxy=True) as server:
        environment.setenv("HTTPS_PROXY", f"http://user:word@127.0.0.1:{server.port}")
        environment.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        yield server


def test_upstream_whose_certificate_nobody_signed_is_refused(secure: Server) -> None:
    with pytest.raises(UpstreamUnavailable):
        ask(f"https://127.0.0.1:{secure.port}/v1")
    assert secure.heads == []


def test_upstream_whose_certificate_the_environment_trusts_is_asked(
    secure: Server, certificate: Path, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert ask(f"https://127.0.0.1:{secure.port}/v1").body["choices"]
    assert first_lines(secure) == [f"POST {PATH} HTTP/1.1"]


def test_certificate_for_another_name_is_refused(
    secure: Server, certificate: Path, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with pytest.raises(UpstreamUnavailable):
        ask(f"https://localhost:{secure.port}/v1")


def test_environment_is_not_asked_unless_told(
    secure: Server, certificate: Path, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with pytest.raises(UpstreamUnavailable):
        ask(f"https://127.0.0.1:{secure.port}/v1", trust_env=False)


def test_proxy_gets_the_whole_address_and_its_own_password(proxy: Server) -> None:
    assert ask(f"http://{HOST}/v1").body["choices"]
    assert first_lines(proxy) == [f"POST http://{HOST}{PATH} HTTP/1.1"]
    assert f"\r\nHost: {HOST}\r\n" in proxy.heads[0]
    assert "\r\nProxy-Authorization: Basic dXNlcjp3b3Jk\r\n" in proxy.heads[0]


def test_upstream_behind_a_tunnel_does_not_get_the_proxy_password(tunnel: Server) -> None:
    assert ask(f"https://{HOST}/v1").body["choices"]
    assert [line.rpartition(" ")[0] for line in first_lines(tunnel)] == [f"CONNECT {HOST}:443", f"POST {PATH}"]
    assert ["Proxy-Authorization" in head for head in tunnel.heads] == [True, False]


def test_proxy_that_answers_nonsense_makes_the_upstream_unavailable(environment: pytest.MonkeyPatch) -> None:
    def answer() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.recv(4096)
            sock.sendall(b"nonsense\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, daemon=True).start()
        environment.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(UpstreamUnavailable):
            ask(f"https://{HOST}/v1")


def test_name_that_can_be_none_makes_the_upstream_unavailable() -> None:
    with pytest.raises(UpstreamUnavailable):
        ask(f"http://{'a' * 70}.invalid/v1")
