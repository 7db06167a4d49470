"""A history that is sent through a regular chat and through the endpoint: same payload, or a readable difference."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support.fixtures import Configure, IssueKey
from tests.support.serving import prepared_host
from threadless.backends import backends
from threadless.models import UsageRecord
from threadless.testing.histories import SAMPLES
from threadless.testing.parity import CannotSend, Parity, ParityError, Turn, compare
from threadless.types import ChatRequest, Credentials, Target

pytestmark = pytest.mark.django_db
HISTORY: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
OPENAI = "threadless.backends.openai.OpenAIBackend"
SECRET = "sk-of-the-platform"
TARGET = Target(id="small", model="upstream-small")
ADDRESS = {"base_url": ""}
"""Where the host's own client sends its requests."""


def chat(turn: Turn) -> None:
    """A regular chat on the same backend as the endpoint."""
    request = ChatRequest.build(messages=turn.messages, **turn.fields)
    backends["default"].complete(request, TARGET, turn.caller)


def streaming_chat(turn: Turn) -> None:
    request = ChatRequest.build(messages=turn.messages, **turn.fields, stream=True)
    list(backends["default"].stream(request, TARGET, turn.caller))


def polite_chat(turn: Turn) -> None:
    """Adds a message that the endpoint does not add, and a field."""
    rule = {"role": "system", "content": "Be polite."}
    request = ChatRequest.build(messages=[rule, *turn.messages], temperature=0.5)
    backends["default"].complete(request, TARGET, turn.caller)


def post(base_url: str, payload: dict[str, Any]) -> None:
    data = json.dumps(payload).encode()
    request = urllib.request.Request(f"{base_url}/chat/completions", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        assert json.load(response)["choices"]


def own_chat(turn: Turn) -> None:
    """A regular chat that has its own client."""
    post(turn.base_url, {"model": "upstream-small", "messages": turn.messages})


def configured_chat(turn: Turn) -> None:
    """The same, with an address in its settings."""
    post(ADDRESS["base_url"], {"model": "upstream-small", "messages": turn.messages})


@contextmanager
def redirect(base_url: str) -> Iterator[None]:
    ADDRESS["base_url"] = base_url
    yield
    ADDRESS["base_url"] = ""


def texts_only(turn: Turn) -> None:
    raise CannotSend("It holds texts only.")


def silent_chat(turn: Turn) -> None:
    """Sends nothing."""


def failing_chat(turn: Turn) -> None:
    raise LookupError("no such chat")


def tenant(caller: Any, target: Any) -> Credentials:
    return Credentials(base_url="https://tenant.invalid/v1", api_key=SECRET)


@pytest.fixture
def key(issue_key: IssueKey, configure: Configure) -> str:
    """The key of a host whose upstream cannot be reached."""
    options = {"base_url": "https://upstream.invalid/v1", "api_key": SECRET, "headers": {"X-Tenant": SECRET}}
    configure(BACKENDS={"default": {"BACKEND": OPENAI, "OPTIONS": options}})
    return issue_key()[1]


def run(chat: Any, key: str, history: dict[str, Any] = HISTORY, **options: Any) -> Parity:
    return compare(chat, history, key=key, model="small", **options)


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("regular", [chat, streaming_chat])
def test_chat_on_the_same_backend_sends_the_same(key: str, regular: Any, sample: str) -> None:
    result = run(regular, key, SAMPLES[sample])
    assert result.is_same
    assert result.difference == ""
    assert result.endpoint == [{"model": "upstream-small", **SAMPLES[sample]}]


def test_difference_shows_what_one_side_added(key: str) -> None:
    result = run(polite_chat, key)
    assert not result.is_same
    assert result.difference.startswith("--- regular chat\n+++ endpoint\n")
    removed = [line.strip(" -") for line in result.difference.splitlines() if line.startswith("- ")]
    assert '"content": "Be polite.",' in removed
    assert '"temperature": 0.5' in removed


def test_field_that_is_ignored_makes_no_difference(key: str) -> None:
    history = {**HISTORY, "seed": 7}
    assert not run(own_chat, key, history).is_same
    assert run(own_chat, key, history, ignored={"seed"}).is_same


def test_long_text_is_shown_by_its_beginning_and_hash(key: str) -> None:
    history = {"messages": [{"role": "user", "content": "x" * 5000 + "y"}]}

    def cutting_chat(turn: Turn) -> None:
        post(turn.base_url, {"model": "upstream-small", "messages": [{"role": "user", "content": "x" * 5000}]})

    difference = run(cutting_chat, key, history).difference
    assert "(5000 characters, SHA-256 " in difference
    assert "(5001 characters, SHA-256 " in difference
    assert len(difference) < 1000


def test_order_of_fields_makes_no_difference_but_types_do() -> None:
    def parity(regular: Any, endpoint: Any) -> Parity:
        return Parity(regular=[regular], endpoint=[endpoint])

    assert parity({"a": 1, "b": 2}, {"b": 2, "a": 1}).is_same
    assert not parity({"a": 1}, {"a": True}).is_same
    assert not parity({"a": 1}, {"a": 1.0}).is_same


def test_number_of_payloads_is_compared() -> None:
    assert not Parity(regular=[{"a": 1}, {"a": 1}], endpoint=[{"a": 1}]).is_same


def test_chat_with_its_own_client_is_recorded(key: str) -> None:
    assert run(own_chat, key).is_same


def test_chat_with_its_own_settings_is_redirected(key: str) -> None:
    assert run(configured_chat, key, redirect=redirect).is_same
    assert ADDRESS["base_url"] == ""


def test_backend_with_credentials_is_redirected(key: str, configure: Configure) -> None:
    configure(BACKENDS={"default": {"BACKEND": OPENAI, "OPTIONS": {"credentials": tenant}}})
    assert run(chat, key).is_same


def test_history_that_the_chat_cannot_hold_is_skipped(key: str) -> None:
    result = run(texts_only, key)
    assert (result.skipped, result.regular, result.endpoint) == ("It holds texts only.", [], [])


def test_chat_that_sends_nothing_is_an_error(key: str) -> None:
    with pytest.raises(ParityError, match="The regular chat sent nothing to the recorder"):
        run(silent_chat, key)


def test_chat_that_fails_is_an_error(key: str) -> None:
    with pytest.raises(ParityError, match="The regular chat failed: LookupError: no such chat"):
        run(failing_chat, key)


def test_refusal_of_the_endpoint_is_an_error(key: str) -> None:
    with pytest.raises(ParityError, match=r"The endpoint answered 404: .*model_not_found"):
        compare(own_chat, HISTORY, key=key, model="unknown")


def test_comparison_leaves_no_usage_record(key: str) -> None:
    run(chat, key)
    assert UsageRecord.objects.count() == 0


def command(key: str, *arguments: str, chat: str = "chat") -> tuple[str, int]:
    """The output and the exit status."""
    output = io.StringIO()
    given = ["--chat", f"{__name__}.{chat}", "--key", key, "--model", "small", *arguments]
    try:
        call_command("threadless_parity", *given, stdout=output, no_color=True)
    except SystemExit as status:
        return output.getvalue(), int(str(status.code))
    return output.getvalue(), 0


def test_command_compares_all_samples(key: str) -> None:
    output, status = command(key)
    assert output.splitlines() == [f"same    {name}: 1 payload(s)" for name in SAMPLES]
    assert status == 0


def test_command_shows_a_difference_and_fails(key: str) -> None:
    output, status = command(key, "--sample", "text", chat="polite_chat")
    assert output.startswith("differs text:\n--- regular chat\n+++ endpoint\n")
    assert status == 1


def test_command_reads_a_file_and_ignores_fields(key: str, tmp_path: Path) -> None:
    path = tmp_path / "chats.json"
    path.write_text(json.dumps([{"model": "x", **HISTORY}, {**HISTORY, "seed": 7}]))
    output, status = command(key, "--history", str(path), chat="own_chat")
    assert [line for line in output.splitlines() if "chats.json" in line] == [
        "same    chats.json 1: 1 payload(s)",
        "differs chats.json 2:",
    ]
    assert status == 1
    assert command(key, "--history", str(path), "--ignore", "seed", chat="own_chat")[1] == 0


def test_command_redirects_own_clients(key: str) -> None:
    arguments = ("--sample", "text", "--redirect", f"{__name__}.redirect")
    assert command(key, *arguments, chat="configured_chat")[1] == 0


@pytest.mark.parametrize(
    ("arguments", "chat", "message"),
    [
        ((), "texts_only", "Nothing was compared."),
        ((), "silent_chat", "text: The regular chat sent nothing to the recorder"),
        ((), "unknown", "does not define a"),
        (("--history", "missing.json"), "chat", "missing.json: "),
        (("--history", __file__), "chat", "test_parity.py: "),
        (("--history", "x", "--sample", "text"), "chat", "Give either --sample or --history."),
    ],
)
def test_command_says_what_is_wrong(key: str, arguments: tuple[str, ...], chat: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        command(key, *arguments, chat=chat)


def test_command_refuses_an_unknown_key(key: str) -> None:
    with pytest.raises(CommandError, match="Incorrect API key provided"):
        command("wrong")


@pytest.mark.parametrize("body", ["{}", "[]", "[1]", '{"messages": "Hi"}'])
def test_file_without_messages_is_refused(key: str, tmp_path: Path, body: str) -> None:
    path = tmp_path / "chats.json"
    path.write_text(body)
    with pytest.raises(CommandError, match="a list of 'messages'"):
        command(key, "--history", str(path))


def test_regular_chats_of_the_example_send_the_same(tmp_path: Path) -> None:
    host = prepared_host(tmp_path, UPSTREAM_BASE_URL="http://127.0.0.1:9/v1", UPSTREAM_MODELS="small=upstream-small")
    given = ("--chat", "project.parity.regular_chat", "--key", host.key, "--model", "small", "--no-color")
    output = host.manage("threadless_parity", *given)
    assert output.splitlines()[0] == "same    text: 1 payload(s)"
    assert [line.split(":")[0] for line in output.splitlines()[1:]] == ["skipped tools", "skipped images"]
