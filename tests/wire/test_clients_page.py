"""Every example of the page for clients runs as it is written, and every configuration is read by the tool's rules."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.node import Node
from tests.support.serving import Host, Server, environment, prepared_host, serve
from tests.support.upstream import ScriptedUpstream, answer_normally

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "clients.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
BASE_URL = "https://your-platform.example/api/v1"
MODULES = {"LangChain": "langchain_openai", "LiteLLM": "litellm", "any-llm": "any_llm", "Pydantic AI": "pydantic_ai"}
ANSWER = "Hello there"


def block(client: str, language: str) -> str:
    """The example in the section of this client."""
    found = re.search(rf"^```{language}\n(.*?)^```$", SECTIONS[client], re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def clients(language: str) -> list[str]:
    return [name for name, text in SECTIONS.items() if f"```{language}\n" in text]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A platform with the model of the examples."""
    with ScriptedUpstream() as upstream:
        upstream.script(answer_normally)
        env = {"UPSTREAM_BASE_URL": upstream.base_url, "UPSTREAM_MODELS": "gpt-4.1"}
        yield prepared_host(tmp_path_factory.mktemp("host"), **env)


@pytest.fixture(scope="module")
def server(host: Host) -> Iterator[Server]:
    with serve("gthread", env=host.env) as server:
        yield server


def output(command: list[str], server: Server, host: Host) -> str:
    """What the program prints."""
    env = environment(OPENAI_BASE_URL=f"{server.base_url}/api/v1", OPENAI_API_KEY=host.key)
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("client", clients("python"))
def test_python_example_runs(client: str, server: Server, host: Host) -> None:
    if client in MODULES:
        pytest.importorskip(MODULES[client])
    assert ANSWER in output([sys.executable, "-c", block(client, "python")], server, host)


@pytest.mark.parametrize("client", clients("javascript"))
def test_javascript_example_runs(client: str, server: Server, host: Host) -> None:
    node = Node.installed()
    name = f"{client.replace(' ', '-')}.mjs"
    (node.folder / name).write_text(block(client, "javascript"))
    assert ANSWER in output(node.command(name), server, host)


def test_curl_example_runs(server: Server, host: Host) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    answer = json.loads(output(["bash", "-c", block("curl", "bash")], server, host))
    assert answer["choices"][0]["message"]["content"] == ANSWER


def test_page_has_ten_clients_and_more() -> None:
    assert len(SECTIONS) - len({"Other tools"}) >= 10
    assert len(clients("python")) + len(clients("javascript")) + len({"curl"}) >= 9


def test_librechat_knows_every_field() -> None:
    read: dict[str, Any] = yaml.safe_load(block("LibreChat", "yaml"))
    [endpoint] = read["endpoints"]["custom"]
    known = {"name", "apiKey", "baseURL", "models", "titleConvo", "titleModel", "modelDisplayLabel"}
    assert set(endpoint) <= known
    assert {"name", "apiKey", "baseURL", "models"} <= set(endpoint)
    assert endpoint["baseURL"] == BASE_URL
    assert endpoint["models"] == {"default": ["gpt-4.1"], "fetch": True}


def test_continue_knows_every_field() -> None:
    read: dict[str, Any] = yaml.safe_load(block("Continue", "yaml"))
    assert (set(read), read["schema"]) == ({"name", "version", "schema", "models"}, "v1")
    [model] = read["models"]
    assert set(model) == {"name", "provider", "model", "apiBase", "apiKey", "roles"}
    assert (model["provider"], model["apiBase"]) == ("openai", BASE_URL)
    assert set(model["roles"]) <= {"chat", "autocomplete", "embed", "rerank", "edit", "apply", "summarize"}


def test_zed_knows_every_field() -> None:
    [provider] = json.loads(block("Zed", "json"))["language_models"]["openai_compatible"].values()
    assert set(provider) == {"api_url", "available_models"}
    assert provider["api_url"] == BASE_URL
    assert set(provider["available_models"][0]) == {"name", "display_name", "max_tokens"}


def test_open_webui_reads_every_variable() -> None:
    names = set(re.findall(r"^export (\w+)=", block("Open WebUI", "bash"), re.MULTILINE))
    assert names == {"ENABLE_OPENAI_API", "OPENAI_API_BASE_URLS", "OPENAI_API_KEYS"}
