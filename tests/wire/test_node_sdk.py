"""The official Node SDK, with its tool runner, against the example host."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.serving import Host, Server
from tests.support.upstream import Exchange, ScriptedUpstream, answer_normally
from tests.wire.sdk_scripts import weather

VERSION = "6"
SCRIPT = Path(__file__).with_name("node_client.mjs")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "threadless-tests" / f"openai-node-{VERSION}"


@pytest.fixture(scope="session")
def node_folder() -> Path:
    """A folder in which Node finds the SDK; installed once per machine."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("Node.js and npm are not installed")
    if not (CACHE / "node_modules" / "openai" / "package.json").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(CACHE), f"openai@{VERSION}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100)
        if done.returncode:
            pytest.skip(f"npm could not install the SDK: {done.stderr[-300:]}")
    shutil.copy(SCRIPT, CACHE / SCRIPT.name)
    return CACHE


def script(exchange: Exchange) -> None:
    """The weather for those who bring tools."""
    (weather if exchange.body.get("tools") else answer_normally)(exchange)


def test_node_sdk_runs_tools_streams_and_raises(
    any_server: Server, host: Host, upstream: ScriptedUpstream, node_folder: Path
) -> None:
    upstream.script(script)
    command = ["node", SCRIPT.name, f"{any_server.base_url}/api/v1", host.key]
    done = subprocess.run(command, cwd=node_folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert result.pop("requestId").startswith("req_")
    assert result == {
        "plain": "stop",
        "text": "Hello there",
        "runTools": "It is cold in Oslo.",
        "runToolsStreamed": "It is cold in Oslo.",
        "models": ["small"],
        "notFound": ["NotFoundError", 404, "model_not_found"],
        "invalid": ["BadRequestError", 400, "invalid_value"],
        "unauthorized": ["AuthenticationError", 401, "invalid_api_key"],
    }
