"""The chat pages, which are older than threadless."""

from __future__ import annotations

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from project.chats.models import Chat
from tests.project.platform import Platform, stranger
from tests.support.upstream import ScriptedUpstream


def test_chat_list_asks_strangers_to_sign_in(db: None) -> None:
    assert Client().get("/").headers["Location"] == "/accounts/login/?next=/"


def test_login_page_signs_in(platform: Platform) -> None:
    client = Client()
    form = {"username": "ada", "password": "correct horse battery"}
    assert client.post("/accounts/login/", form).headers["Location"] == "/"
    assert client.get("/").status_code == 200


def test_wrong_password_shows_an_error(platform: Platform) -> None:
    response = Client().post("/accounts/login/", {"username": "ada", "password": "wrong"})
    assert "is incorrect" in response.text


def test_sign_out_leads_to_the_login_page(page: Client) -> None:
    assert page.post("/accounts/logout/").headers["Location"] == "/accounts/login/"


def test_chat_list_shows_own_chats_with_the_pinned_first(page: Client, platform: Platform) -> None:
    Chat.objects.create(user=platform.member, assistant="small", title="Pinned one", is_pinned=True)
    Chat.objects.create(user=platform.member, assistant="small", title="Newer one")
    Chat.objects.create(user=stranger(), assistant="small", title="Somebody else's")
    text = page.get("/").text
    assert 0 < text.index("Pinned one") < text.index("Newer one")
    assert "Somebody" not in text


def test_chat_list_pages_after_thirty(page: Client, platform: Platform) -> None:
    Chat.objects.bulk_create(Chat(user=platform.member, assistant="small") for _ in range(31))
    assert "Page 1 of 2" in page.get("/").text


def test_chat_list_offers_models_and_agents_by_name(
    page: Client, platform: Platform, upstream: ScriptedUpstream
) -> None:
    agent = platform.agent(name="Tour guide")
    text = page.get("/").text
    assert f'<option value="{agent.public_id}">Tour guide</option>' in text
    assert '<option value="large">large</option>' in text


def test_new_chat_opens_its_page(page: Client, platform: Platform, upstream: ScriptedUpstream) -> None:
    response = page.post("/", {"assistant": "small"})
    assert response.headers["Location"] == Chat.objects.get(user=platform.member).get_absolute_url()


def test_new_chat_with_an_unknown_assistant_is_refused(page: Client, upstream: ScriptedUpstream) -> None:
    assert "Choose an assistant" in page.post("/", {"assistant": "nobody"}, follow=True).text
    assert not Chat.objects.exists()


def test_message_gets_an_answer_that_is_kept(page: Client, platform: Platform, upstream: ScriptedUpstream) -> None:
    chat = Chat.objects.create(user=platform.member, assistant="small")
    text = page.post(chat.get_absolute_url(), {"text": "A question"}, follow=True).text
    assert "A question" in text
    assert "Hello there" in text
    assert [message.role for message in chat.messages.all()] == ["user", "assistant"]


def test_second_message_sends_the_whole_thread(page: Client, platform: Platform, upstream: ScriptedUpstream) -> None:
    chat = Chat.objects.create(user=platform.member, assistant="small")
    for text in ("First", "Second"):
        page.post(chat.get_absolute_url(), {"text": text})
    roles = [message["role"] for message in upstream.exchanges[1].body["messages"]]
    assert roles == ["system", "user", "assistant", "user"]


def test_chat_is_named_after_its_first_message(page: Client, platform: Platform, upstream: ScriptedUpstream) -> None:
    chat = Chat.objects.create(user=platform.member, assistant="small")
    page.post(chat.get_absolute_url(), {"text": "A question " * 10})
    chat.refresh_from_db()
    assert chat.title.startswith("A question A question")
    assert len(chat.title) <= 60


def test_blank_message_is_not_kept(page: Client, platform: Platform) -> None:
    chat = Chat.objects.create(user=platform.member, assistant="small")
    page.post(chat.get_absolute_url(), {"text": "  "})
    assert not chat.messages.exists()


def test_message_without_an_answer_is_kept_and_shows_an_error(
    page: Client, platform: Platform, no_upstream: None
) -> None:
    chat = Chat.objects.create(user=platform.member, assistant="small")
    text = page.post(chat.get_absolute_url(), {"text": "Anybody?"}, follow=True).text
    assert 'role="alert"' in text
    assert "127.0.0.1:1" not in text
    assert chat.messages.get().content == "Anybody?"


def test_chat_with_a_vanished_assistant_says_so(page: Client, platform: Platform, upstream: ScriptedUpstream) -> None:
    chat = Chat.objects.create(user=platform.member, assistant="gone")
    assert "no longer available" in page.post(chat.get_absolute_url(), {"text": "Hello"}, follow=True).text


def test_chat_of_somebody_else_is_not_found(page: Client) -> None:
    chat = Chat.objects.create(user=stranger(), assistant="small")
    assert page.get(chat.get_absolute_url()).status_code == 404
    assert page.post(chat.get_absolute_url(), {"text": "Hello"}).status_code == 404


def test_chat_can_be_renamed_and_pinned(page: Client, platform: Platform) -> None:
    chat = Chat.objects.create(user=platform.member, assistant="small", title="Old")
    page.post(f"{chat.get_absolute_url()}change/", {"title": "New", "is_pinned": "on"})
    chat.refresh_from_db()
    assert (chat.title, chat.is_pinned) == ("New", True)


def test_message_text_is_escaped(page: Client, platform: Platform) -> None:
    chat = Chat.objects.create(user=platform.member, assistant="small")
    chat.messages.create(role="assistant", content="<script>alert(1)</script>")
    assert "<script>alert" not in page.get(chat.get_absolute_url()).text


def test_health_answers_without_a_database(client: Client) -> None:
    assert client.get("/health/").text == "ok"


def test_style_sheet_is_served(client: Client, db: None) -> None:
    response = client.get("/static/project/site.css")
    assert response.headers["Content-Type"] == "text/css"
    response.close()


def test_admin_pages_open(admin_client: Client, platform: Platform) -> None:
    platform.agent()
    for path in ("", "accounts/apikey/", "accounts/organisation/", "agents/agent/", "chats/chat/"):
        assert admin_client.get(f"/admin/{path}").status_code == 200


def test_playground_leads_back_to_the_platform(page: Client, platform: Platform) -> None:
    platform.member.user_permissions.add(Permission.objects.get(codename="write_chats"))
    content = page.get("/api/v1/models", headers={"Accept": "text/html"}).content.decode()
    assert f'<a href="{reverse("chats:list")}">Chats</a>' in content
