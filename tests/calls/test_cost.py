"""The row of a call has its cost; the client sees it only if the platform wants that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import factories
from tests.support.bodies import USAGE, chunk, completion
from tests.support.fixtures import Configure
from threadless.calls.running import wait_for_calls
from threadless.exceptions import UpstreamError
from threadless.models import UsageRecord
from threadless.testing import CompletionClient, read_events, use_dummy_backend

pytestmark = pytest.mark.django_db(transaction=True)

PRICED = {"small": {"model": "m", "price": {"prompt": "1", "completion": "4"}}, "free": {"model": "m"}}
COST = 9_000 + 20_000
OPENROUTER = {**USAGE, "cost": 0.00014, "cost_details": {"upstream_inference_cost": 0.0001}, "is_byok": False}
both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@pytest.fixture(autouse=True)
def _prices(configure: Configure) -> None:
    configure(MODELS=PRICED)


def usage_shown(model: str = "small", *, stream: bool, usage: Any = USAGE) -> dict[str, Any]:
    """The `usage` that a client receives."""
    chunks = [chunk({"content": "Hello"}), chunk(finish_reason="stop"), chunk(choices=[], usage=usage)]
    client = CompletionClient(factories.make_key()[1])
    with use_dummy_backend(completion(usage=usage), chunks=chunks):
        if not stream:
            return client.complete(model, "Hi").json()["usage"]
        options = {"stream_options": {"include_usage": True}}
        shown = read_events(client.complete(model, "Hi", stream=True, **options)).chunks[-1]["usage"]
    assert wait_for_calls(10)
    return shown


@both_kinds
def test_row_has_the_cost_and_the_answer_has_not(stream: bool) -> None:
    shown = usage_shown(stream=stream)
    assert UsageRecord.objects.get().cost_nano == COST
    assert "cost" not in shown


@both_kinds
def test_answer_has_the_cost_if_the_platform_wants_it(configure: Configure, stream: bool) -> None:
    configure(COST_IN_USAGE=True)
    assert usage_shown(stream=stream)["cost"] == 0.000029


@both_kinds
def test_cost_without_a_price_is_unknown(configure: Configure, stream: bool) -> None:
    configure(COST_IN_USAGE=True)
    assert "cost" not in usage_shown("free", stream=stream)
    assert UsageRecord.objects.get().cost_nano is None


@both_kinds
def test_client_does_not_see_what_the_platform_pays(stream: bool) -> None:
    assert not {"cost", "cost_details", "is_byok"} & usage_shown(stream=stream, usage=OPENROUTER).keys()


@both_kinds
@pytest.mark.parametrize("cost", [0.00014, {"total_cost": 0.00014}], ids=["number", "object"])
def test_cost_that_the_upstream_names_reaches_the_pricer(configure: Configure, stream: bool, cost: Any) -> None:
    configure(PRICER="threadless.pricing.reported_or_price")
    usage_shown(stream=stream, usage={**OPENROUTER, "cost": cost})
    assert UsageRecord.objects.get().cost_nano == 140_000


def fail(*args: Any) -> int:
    raise ValueError("a mistake of the platform")


@both_kinds
def test_pricer_that_fails_costs_neither_answer_nor_row(configure: Configure, stream: bool) -> None:
    configure(PRICER=fail, COST_IN_USAGE=True)
    assert usage_shown(stream=stream)["total_tokens"] == 14
    record = UsageRecord.objects.get()
    assert (record.state, record.completion_tokens, record.cost_nano) == ("completed", 5, None)


def test_call_that_fails_before_any_output_has_no_cost() -> None:
    with use_dummy_backend(error=UpstreamError()):
        CompletionClient(factories.make_key()[1]).complete("small", "Hi")
    record = UsageRecord.objects.get()
    assert (record.state, record.cost_nano) == ("failed", None)
