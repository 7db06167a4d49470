"""The OpenAPI document describes `GET key` and `GET usage`, and their answers fit it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from openapi_spec_validator import validate

from tests.openapi.test_schemathesis import CHECKS
from tests.reports.ledgers import at
from tests.support import factories
from threadless.budgets.api import key, set_budget
from threadless.testing import CompletionClient


@pytest.fixture
def document() -> Any:
    """Our document, as every reader gets it."""
    return Client().get("/api/v1/openapi.json").json()


def fits(document: Any, answer: Any, name: str) -> None:
    """Raise unless the answer fits the schema of this name."""
    jsonschema.validate(answer, {"$ref": f"#/components/schemas/{name}", "components": document["components"]})


def test_document_with_our_endpoints_is_valid(document: Any) -> None:
    validate(document)
    assert {"/key", "/usage"} <= set(document["paths"])
    assert "/organization/usage/completions" not in document["paths"]


@pytest.mark.django_db
def test_answers_fit_their_schemas(document: Any) -> None:
    row, secret = factories.make_key(requests_per_minute=9)
    at(
        "2026-11-20T08:00:00+00:00",
        key_id=str(row.pk),
        model="small",
        prompt_tokens=1,
        completion_tokens=1,
        cost_nano=5,
    )
    set_budget(key(row.pk), "cost", "month", 12_500_000_000)
    client = CompletionClient(secret)
    fits(document, client.get("/api/v1/key").json(), "Key")
    page = client.get("/api/v1/usage?start=2026-11-20&group_by=model,user_id,api_key_id").json()
    assert page["data"][0]["results"]
    fits(document, page, "UsagePage")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("operation_id", ["retrieveKey", "listUsage"])
def test_every_answer_is_described(operation_id: str) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    headers = {"Authorization": f"Bearer {factories.make_key()[1]}"}

    @given(case=schema.find_operation_by_id(operation_id).as_strategy())
    @hypothesis_settings(max_examples=40)
    def call(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    call()
