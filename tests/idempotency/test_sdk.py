"""The OpenAI SDK with a key, as on the page: its own retries use the same key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from django.core.wsgi import get_wsgi_application
from openai import _base_client

from tests.support.upstream import Exchange, ScriptedUpstream, answer_normally

pytestmark = pytest.mark.django_db(transaction=True)

httpx: Any = vars(_base_client).get("httpx2") or vars(_base_client)["httpx"]
"""The HTTP client of this version of the SDK."""


@pytest.fixture
def sdk(secret: str) -> Iterator[openai.OpenAI]:
    """The SDK with its default of two retries, in front of our WSGI application."""
    transport = httpx.WSGITransport(app=get_wsgi_application())
    with openai.OpenAI(
        api_key=secret, base_url="http://testserver/api/v1", http_client=httpx.Client(transport=transport)
    ) as sdk:
        yield sdk


def ask(sdk: openai.OpenAI, key: str) -> Any:
    return sdk.chat.completions.create(
        model="small", messages=[{"role": "user", "content": "Hi"}], extra_headers={"Idempotency-Key": key}
    )


def test_retry_of_the_sdk_is_answered_if_the_first_attempt_reached_no_model(
    sdk: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    def refuse_once(exchange: Exchange) -> None:
        if len(upstream.exchanges) == 1:
            exchange.answer({"error": {"message": "slow down"}}, 429, {"retry-after-ms": "1"})
        else:
            answer_normally(exchange)

    upstream.script(refuse_once)
    assert ask(sdk, "a").choices[0].message.content
    assert len(upstream.exchanges) == 2


def test_sdk_raises_a_conflict_at_once_that_names_the_first_call(
    sdk: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    ask(sdk, "a")
    with pytest.raises(openai.ConflictError) as caught:
        ask(sdk, "a")
    [exchange] = upstream.exchanges
    body: Any = caught.value.body
    assert body["first_request_id"] == exchange.request_id
    assert caught.value.response.headers["x-should-retry"] == "false"
