"""A platform of teams with LangChain models: what its integration does, and how little of it there is."""

from __future__ import annotations

import io
import json
import tokenize
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.bridges import scripts
from tests.hosts.teams.crew.models import ChatModel, Cost, ProviderAccount, Team, TeamKey
from tests.support import factories
from tests.support.bodies import chunk
from tests.support.upstream import Exchange, ScriptedUpstream
from threadless.calls.running import wait_for_calls
from threadless.models import UsageRecord
from threadless.testing import CompletionClient, read_events

HERE = Path(__file__).parent
COLUMNS = 100


class TeamOnPlatform:
    """A team with a member, a key, its own account at a provider, and two models."""

    def __init__(self, name: str, upstream: ScriptedUpstream) -> None:
        self.upstream, self.provider_key = upstream, f"key-of-{name}"
        self.user = factories.make_user(name)
        self.team = Team.objects.create(name=name)
        self.team.members.add(self.user)
        account = ProviderAccount.objects.create(
            team=self.team, vendor="openai", address=upstream.base_url, secret=self.provider_key
        )
        prices = {"prompt_price": Decimal(2), "completion_price": Decimal(8)}
        for model, is_chatbot in ((f"{name}-model", False), (f"{name}-bot", True)):
            ChatModel.objects.create(account=account, name=model, upstream="m", is_chatbot=is_chatbot, **prices)
        _, secret = TeamKey.objects.create_key(name="laptop", team=self.team, user=self.user)
        self.client = CompletionClient(secret)


@pytest.fixture
def blue(transactional_db: None) -> Iterator[TeamOnPlatform]:
    with ScriptedUpstream() as upstream:
        upstream.script(scripts.say)
        yield TeamOnPlatform("blue", upstream)


@pytest.fixture
def red(transactional_db: None) -> Iterator[TeamOnPlatform]:
    with ScriptedUpstream() as upstream:
        upstream.script(scripts.say)
        yield TeamOnPlatform("red", upstream)


def test_each_team_is_answered_by_its_own_provider_account(blue: TeamOnPlatform, red: TeamOnPlatform) -> None:
    for team in (blue, red):
        name = team.team.name
        answer = team.client.complete(f"{name}-model", "Hello").json()
        assert answer["choices"][0]["message"]["content"] == "Hello there"
        (exchange,) = team.upstream.exchanges
        assert exchange.headers["Authorization"] == f"Bearer key-of-{name}"


def test_team_sees_and_calls_only_its_own_models(blue: TeamOnPlatform, red: TeamOnPlatform) -> None:
    assert blue.client.models() == ["blue-model", "blue-bot"]
    response = blue.client.complete("red-model", "Hello")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")
    assert red.upstream.exchanges == []


def test_member_who_has_left_the_team_is_refused(blue: TeamOnPlatform) -> None:
    blue.team.members.clear()
    assert blue.client.complete("blue-model", "Hello").status_code == 401


def test_stream_with_tools_of_the_client(blue: TeamOnPlatform) -> None:
    blue.upstream.script(scripts.call_both_tools)
    events = read_events(blue.client.complete("blue-model", "Oslo?", stream=True, tools=scripts.TOOLS))
    pieces = [
        piece for each in events.chunks for choice in each["choices"] for piece in choice["delta"].get("tool_calls", ())
    ]
    assert {piece["index"] for piece in pieces} == {0, 1}
    assert (events.finish_reason, events.is_done) == ("tool_calls", True)


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_cost_of_each_call_is_tracked_in_the_table_of_the_platform(blue: TeamOnPlatform, is_stream: bool) -> None:
    response = blue.client.complete("blue-model", "Hello", stream=is_stream)
    if is_stream:
        read_events(response)
    assert wait_for_calls(10)
    cost, row = Cost.objects.get(), UsageRecord.objects.get()
    assert (cost.team, cost.model, cost.tokens) == (blue.team, "blue-model", 30)
    assert cost.amount == Decimal("0.000120")
    assert (row.account, row.user_id, row.prompt_tokens) == (str(blue.team.pk), blue.user.pk, 20)


def test_limit_of_the_provider_is_one_for_the_client(blue: TeamOnPlatform) -> None:
    error = {"message": "Slow down.", "type": "rate_limit_error", "code": "rate_limit_exceeded"}
    blue.upstream.script(lambda exchange: exchange.answer({"error": error}, 429, {"retry-after": "7"}))
    response = blue.client.complete("blue-model", "Hello")
    assert (response.status_code, response["Retry-After"]) == (429, "7")
    assert not Cost.objects.exists()


def ask_handbook(exchange: Exchange) -> None:
    """Look into the handbook, then say what it says."""
    results = [message["content"] for message in exchange.body["messages"] if message["role"] == "tool"]
    if results:
        scripts.say(exchange, results[-1])
        return
    function = {"name": "handbook", "arguments": json.dumps({"question": "When?"})}
    call = {"index": 0, "id": "c1", "type": "function", "function": function}
    usage = chunk(choices=[], usage=scripts.USAGE)
    exchange.stream(chunk({"tool_calls": [call]}), chunk(finish_reason="tool_calls"), usage)


def test_chatbot_uses_its_own_tool_within_one_call(blue: TeamOnPlatform) -> None:
    blue.upstream.script(ask_handbook)
    events = read_events(blue.client.complete("blue-bot", "When do you work?", stream=True))
    assert events.text == f"Team {blue.team.pk} works from nine to five."
    assert wait_for_calls(10)
    assert Cost.objects.get().tokens == 60


def code_lines(path: Path) -> list[str]:
    """The lines with code: without blank lines, comments and docstrings."""
    source = path.read_text()
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    numbers: set[int] = set()
    is_first = True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        is_docstring = token.type == tokenize.STRING and is_first and token.string.startswith('"""')
        if token.type not in nothing and not is_docstring:
            numbers |= set(range(token.start[0], token.end[0] + 1))
        is_first = token.type in nothing
    return [source.splitlines()[number - 1] for number in sorted(numbers)]


def test_integration_has_at_most_60_lines_and_the_chatbot_30_more() -> None:
    ready = [line for line in code_lines(HERE / "crew" / "apps.py") if "integration" in line]
    integration = [*code_lines(HERE / "crew" / "integration.py"), *code_lines(HERE / "settings.py"), *ready]
    chatbot = code_lines(HERE / "crew" / "chatbot.py")
    assert len(integration) <= 60
    assert len(chatbot) <= 30
    assert [line for line in (*integration, *chatbot) if len(line) > COLUMNS] == []


def test_bridges_know_nothing_of_this_platform() -> None:
    folder = Path(__file__).resolve().parents[3] / "threadless" / "contrib"
    words = ("team", "crew", "chatbot", "handbook")
    sources = [path.read_text().lower() for path in folder.rglob("*.py")]
    assert [word for word in words if any(word in source for source in sources)] == []
