"""The OpenAI SDK reads our answers with its own methods and types, over HTTP."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from pytest_django.live_server_helper import LiveServer

from tests.reports.ledgers import at
from tests.support import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(live_server: LiveServer) -> Any:
    """A client with a key that has one call."""
    row, secret = factories.make_key(name="CI")
    at("2026-11-20T08:00:00+00:00", key_id=str(row.pk), model="small", prompt_tokens=100, completion_tokens=20)
    with openai.OpenAI(
        api_key=secret, admin_api_key=secret, base_url=f"{live_server.url}/api/v1", max_retries=0
    ) as client:
        yield client


def test_generic_request_reads_the_key(client: openai.OpenAI) -> None:
    body: Any = client.get("/key", cast_to=object)
    assert (body["object"], body["label"]) == ("key", "CI")


def test_generic_request_reads_the_usage(client: openai.OpenAI) -> None:
    query = {"start": "2026-11-20", "end": "2026-11-21", "group_by": ["model"]}
    body: Any = client.get("/usage", cast_to=object, options={"params": query})
    assert body["data"][0]["results"][0]["model"] == "small"


def test_method_for_the_usage_of_an_organization_reads_ours(client: openai.OpenAI) -> None:
    page = client.admin.organization.usage.completions(
        start_time=1795132800, end_time=1795219200, group_by=["model", "api_key_id"], bucket_width="1d"
    )
    (bucket,) = page.data
    (result,) = bucket.results
    assert result.object == "organization.usage.completions.result"
    assert (result.input_tokens, result.output_tokens, result.model) == (100, 20, "small")
    assert (page.has_more, page.next_page) == (False, None)


def test_wrong_parameter_is_a_bad_request_for_the_sdk(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.get("/usage", cast_to=object)
    assert caught.value.param == "start_time"
