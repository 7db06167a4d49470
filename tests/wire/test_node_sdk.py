"""The official Node SDK, with its tool runner, against the example host."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.support.node import Node
from tests.support.serving import Host, Server
from tests.support.upstream import Exchange, ScriptedUpstream, answer_normally
from tests.wire.sdk_scripts import weather


def script(exchange: Exchange) -> None:
    """The weather for those who bring tools."""
    (weather if exchange.body.get("tools") else answer_normally)(exchange)


def test_node_sdk_runs_tools_streams_and_raises(any_server: Server, host: Host, upstream: ScriptedUpstream) -> None:
    upstream.script(script)
    command = Node.installed().command("tools.mjs", f"{any_server.base_url}/api/v1", host.key)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
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
