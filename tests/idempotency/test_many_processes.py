"""Of parallel calls with one key in several processes, exactly one reaches the upstream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter as Tally
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connection

from tests.support.upstream import ScriptedUpstream
from threadless.idempotency.models import UsedKey
from threadless.models import UsageRecord

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

PROCESSES, KEYS = 4, 20


def test_each_key_reaches_the_upstream_once(secret: str, upstream: ScriptedUpstream) -> None:
    keys = ",".join(f"key-{number}" for number in range(KEYS))
    command = [sys.executable, "-m", "tests.idempotency.caller", str(connection.settings_dict["NAME"])]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.optional_apps"}
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    answers: list[Any] = []
    with ExitStack() as stack:
        processes: list[Any] = [
            stack.enter_context(subprocess.Popen([*command, secret, upstream.base_url, keys], env=env, **pipes))
            for _ in range(PROCESSES)
        ]
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * PROCESSES
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            answers += json.loads(process.communicate()[0])
    found = Tally((status, code) for status, code in answers)
    assert found == {(200, None): KEYS, (409, "idempotency_conflict"): (PROCESSES - 1) * KEYS}
    assert len(upstream.exchanges) == UsageRecord.objects.count() == UsedKey.objects.count() == KEYS
