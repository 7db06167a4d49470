"""`GET models`: what it shows is what `POST chat/completions` finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import Settings

from tests.support.fixtures import IssueKey
from threadless.testing import CompletionClient

PATH = "/api/v1/models"


@pytest.fixture
def api(issue_key: IssueKey) -> Client:
    """A client with a key."""
    return CompletionClient(issue_key()[1])


@pytest.fixture
def offer(settings: Settings) -> Callable[..., None]:
    """Sets the models of the host."""

    def change(**models: Any) -> None:
        settings.THREADLESS = {**settings.THREADLESS, "MODELS": models}

    return change


def test_list_has_the_shape_of_the_openai_api(api: Client, offer: Callable[..., None]) -> None:
    offer(small={"model": "private", "owned_by": "us", "created": 1700000000})
    response = api.get(PATH)
    model = {"id": "small", "object": "model", "created": 1700000000, "owned_by": "us"}
    assert response.json() == {"object": "list", "data": [model]}
    assert response["Content-Type"] == "application/json"
    assert response["x-request-id"].startswith("req_")


def test_list_names_and_describes_what_has_a_name_and_a_description(api: Client, offer: Callable[..., None]) -> None:
    offer(small={"model": "private", "name": "Small", "description": "Quick answers."}, large={"model": "private"})
    small, large = api.get(PATH).json()["data"]
    assert (small["name"], small["description"]) == ("Small", "Quick answers.")
    assert not {"name", "description"} & set(large)


@pytest.mark.parametrize("path", [PATH, f"{PATH}/", f"{PATH}/small", f"{PATH}/small/"])
def test_slash_at_the_end_makes_no_difference(api: Client, path: str) -> None:
    assert api.get(path).status_code == 200


@pytest.mark.parametrize("name", ["small", "org/small", "a model: 7", "модель", "v1.5+x"])
def test_single_model_is_found_by_any_name(api: Client, offer: Callable[..., None], name: str) -> None:
    offer(**{name: {"model": "private"}})
    assert api.get(f"{PATH}/{quote(name)}").json()["id"] == name


def test_unknown_and_forbidden_names_get_the_same_answer(issue_key: IssueKey) -> None:
    client = CompletionClient(issue_key(allowed_models=["large"])[1])
    unknown, forbidden = client.get(f"{PATH}/nothing"), client.get(f"{PATH}/small")
    assert unknown.status_code == forbidden.status_code == 404
    assert unknown.json()["error"]["message"].replace("nothing", "small") == forbidden.json()["error"]["message"]


@pytest.mark.parametrize("allowed", [None, [], ["large"], ["large", "nothing"]])
def test_list_shows_exactly_what_a_call_finds(issue_key: IssueKey, allowed: list[str] | None) -> None:
    client = CompletionClient(issue_key(allowed_models=allowed)[1])
    found = [name for name in ("small", "large") if client.complete(name, "Hi").status_code == 200]
    assert client.models() == found


def test_upstream_name_is_not_shown(api: Client) -> None:
    assert b"upstream" not in api.get(PATH).content


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
def test_other_methods_are_refused_in_json(api: Client, method: str) -> None:
    response = getattr(api, method)(PATH)
    assert (response.status_code, response.json()["error"]["code"]) == (405, "method_not_allowed")


def test_head_answers_without_a_body(api: Client) -> None:
    response = api.head(PATH)
    assert (response.status_code, response.content) == (200, b"")


def test_anonymous_list_is_refused(db: None) -> None:
    response = Client().get(PATH, headers={"Accept": "text/html"})
    assert (response.status_code, response["Content-Type"]) == (401, "application/json")
