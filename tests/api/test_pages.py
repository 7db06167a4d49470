"""HTML is for people: a GET by a browser that is signed in. A signed-out one is led to the login page."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import Settings

from tests.support import factories
from tests.support.fixtures import Configure, IssueKey
from threadless.resolvers import BaseResolver
from threadless.testing import CompletionClient
from threadless.types import Caller, Target

PATH, MODELS = "/api/v1/chat/completions", "/api/v1/models"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ODD_ACCEPTS = ["", "*/*", "application/json", "text/event-stream", "text/html", BROWSER["Accept"], "nonsense", ";q=x,,"]


@pytest.fixture
def browser(db: None) -> Client:
    """Signed in with the permission."""
    client = Client(headers=BROWSER)
    client.force_login(factories.make_user("bea", permissions=("write_chats",)))
    return client


def text_of(response: Any, status: int = 200) -> str:
    """The HTML of a page."""
    assert (response.status_code, response["Content-Type"]) == (status, "text/html; charset=utf-8")
    return response.content.decode()


@pytest.mark.parametrize("path", [PATH, f"{PATH}/", "/api/v1/chats/completions"])
def test_page_offers_the_models_of_the_reader(browser: Client, path: str) -> None:
    page = text_of(browser.get(path))
    choice = page.partition("</select>")[0]
    assert re.findall(r"<option[^>]*>([^<]*)", choice) == ["small", "large"]
    assert f'action="{path}"' in page


class AgentsToo(BaseResolver):
    """A model and an agent, with names that would hurt a careless page."""

    def list(self, caller: Caller) -> list[Target]:
        return [Target(id="<b>&", model="m"), Target(id="guide 'n\"", model="m", kind="agent")]


def test_names_are_escaped_and_agents_stand_apart(browser: Client, configure: Configure) -> None:
    configure(RESOLVER=AgentsToo)
    page = text_of(browser.get(PATH))
    assert "<b>&<" not in page
    assert "&lt;b&gt;&amp;" in page
    assert re.findall(r'<optgroup label="([^"]*)"', page) == ["Models", "Agents"]
    assert "guide &#x27;n&quot;" in text_of(browser.get(MODELS))


def test_model_named_in_the_address_is_chosen(browser: Client) -> None:
    assert '<option value="large" selected>large</option>' in text_of(browser.get(f"{PATH}?model=large"))


def test_page_without_any_model_says_so(browser: Client, configure: Configure) -> None:
    configure(MODELS={})
    assert "have access to any model or agent" in text_of(browser.get(PATH))
    assert "have access to any model or agent" in text_of(browser.get(MODELS))


@pytest.mark.parametrize("path", [PATH, MODELS])
def test_page_keeps_to_the_strictest_content_security_policy(browser: Client, path: str) -> None:
    page = text_of(browser.get(path))
    assert "<style" not in page
    assert not re.search(r"<[^>]+\s(on\w+|style)\s*=", page)
    assert [tag for tag in re.findall(r"<script[^>]*>", page) if " src=" not in tag] == []
    assert not re.search(r'(src|href)="(https?:)?//', page)


@pytest.mark.parametrize("path", [PATH, MODELS])
def test_reader_without_the_scope_gets_a_page_that_says_so(client: Client, user: Any, path: str) -> None:
    client.force_login(user)
    page = text_of(client.get(path, headers=BROWSER), 403)
    assert "Missing scope: CHATS:WRITE" in page
    assert "“Can send chat completions from a signed-in session”" in page
    assert "<form" not in page
    assert "<script" not in page


def test_reader_over_the_limit_gets_a_page_that_says_so(browser: Client, configure: Configure) -> None:
    configure(REQUESTS_PER_MINUTE=1)
    browser.get(PATH)
    response = browser.get(PATH)
    assert "Rate limit reached" in text_of(response, 429)
    assert int(response["Retry-After"]) > 0


def test_models_page_leads_to_the_playground(browser: Client) -> None:
    page = text_of(browser.get(MODELS))
    assert f'href="{PATH}?model=small"' in page


@pytest.mark.parametrize("accept", ODD_ACCEPTS)
def test_get_without_a_session_or_a_login_page_is_a_wrong_method_in_json(db: None, accept: str) -> None:
    response = Client().get(PATH, headers={"Accept": accept})
    assert (response.status_code, response["Content-Type"]) == (405, "application/json")


@pytest.mark.parametrize("path", [f"{PATH}?model=large", MODELS])
def test_signed_out_browser_is_led_to_the_login_page(db: None, settings: Settings, path: str) -> None:
    settings.LOGIN_URL = "admin:login"
    response = Client().get(path, headers=BROWSER)
    assert response.status_code == 302
    assert response["Location"] == f"/admin/login/?next={quote(path)}"
    assert response["Cache-Control"] == "private, no-store"
    assert {"Accept", "Cookie"} <= {name.strip() for name in response["Vary"].split(",")}


def test_login_page_may_be_another_site(db: None, settings: Settings) -> None:
    settings.LOGIN_URL = "https://login.example.com/"
    assert Client().get(PATH, headers=BROWSER)["Location"] == f"https://login.example.com/?next={quote(PATH)}"


@pytest.mark.parametrize(("path", "status"), [(PATH, 405), (MODELS, 401)])
@pytest.mark.parametrize("headers", [{}, {"Accept": "application/json"}, BROWSER | {"Authorization": "Bearer wrong"}])
def test_signed_out_client_is_never_led_to_the_login_page(
    db: None, settings: Settings, path: str, status: int, headers: dict[str, str]
) -> None:
    settings.LOGIN_URL = "admin:login"
    response = Client().get(path, headers=headers)
    assert (response.status_code, response["Content-Type"]) == (status, "application/json")


@pytest.mark.parametrize("accept", ODD_ACCEPTS)
def test_get_with_a_key_is_a_wrong_method_in_json(browser: Client, issue_key: IssueKey, accept: str) -> None:
    headers = {"Accept": accept, "Authorization": f"Bearer {issue_key()[1]}"}
    response = browser.get(PATH, headers=headers)
    assert (response.status_code, response["Content-Type"]) == (405, "application/json")


def test_get_with_a_session_that_asks_for_json_is_a_wrong_method(browser: Client) -> None:
    assert browser.get(PATH, headers={"Accept": "application/json"}).status_code == 405


def test_session_behind_a_password_of_the_web_server_still_gets_the_page(browser: Client) -> None:
    text_of(browser.get(PATH, headers=BROWSER | {"Authorization": "Basic dTpw"}))


@pytest.mark.parametrize("accept", ODD_ACCEPTS)
def test_post_answers_json_for_any_accept(issue_key: IssueKey, accept: str) -> None:
    response = CompletionClient(issue_key()[1], headers={"Accept": accept}).complete("small", "Hi")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("body", ["", "{}", '{"model": "small", "messages": [{"role": "user", "content": "Hi"}]}'])
def test_post_of_a_browser_never_answers_html(browser: Client, body: str) -> None:
    response = browser.post(PATH, body, content_type="application/json")
    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize("accept", ODD_ACCEPTS)
def test_models_answer_json_to_a_key_for_any_accept(issue_key: IssueKey, accept: str) -> None:
    client = CompletionClient(issue_key()[1], headers={"Accept": accept})
    assert client.models() == ["small", "large"]


@pytest.mark.parametrize("templates", [[], [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]])
def test_host_without_templates_answers_json(
    browser: Client, settings: Settings, templates: list[dict[str, str]]
) -> None:
    settings.TEMPLATES = templates
    assert browser.get(PATH).status_code == 405
    assert browser.get(MODELS)["Content-Type"] == "application/json"


def test_unexpected_failure_shows_no_trace_to_the_reader(browser: Client, configure: Configure) -> None:
    configure(RESOLVER="tests.api.test_pages.Broken")
    browser.raise_request_exception = False
    page = text_of(browser.get(PATH), 500)
    assert "The server had an error" in page
    assert "secret detail" not in page


class Broken(BaseResolver):
    """Raises what no client may see."""

    def list(self, caller: Caller) -> list[Target]:
        raise RuntimeError("secret detail")
