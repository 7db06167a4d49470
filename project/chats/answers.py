"""One turn of a regular chat, for the pages and the API alike."""

from __future__ import annotations

from project import llm
from project.accounts.models import organisation_id_of
from project.chats.models import Chat, Message
from threadless.backends import backends
from threadless.exceptions import APIError
from threadless.types import Caller, ChatRequest, Completion


class NoAnswer(Exception):
    """The chat's assistant cannot answer; the message is for its user."""


def answer(chat: Chat, text: str) -> Message:
    """Keep the user's message, ask the chat's assistant with the whole thread, and keep what it says.

    No transaction around it: the model takes its time, and a question without an answer is still worth keeping.
    """
    chat.messages.create(role=Message.Role.USER, content=text)
    chat.title = chat.title or title_of(text)
    chat.save()
    return chat.messages.create(role=Message.Role.ASSISTANT, content=_ask(chat))


def title_of(text: str) -> str:
    """A chat is named after its first words until its user renames it."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59].rstrip() + "…"


def _ask(chat: Chat) -> str:
    target = llm.find_assistant(chat.assistant, chat.user_id, organisation_id_of(chat.user_id))
    if target is None:
        raise NoAnswer("This assistant is no longer available.")
    request = ChatRequest.build(messages=list(chat.messages.values("role", "content")))
    try:
        return _text_of(backends[target.backend].complete(request, target, Caller(user_id=chat.user_id)))
    except APIError as error:
        raise NoAnswer(error.message) from error


def _text_of(completion: Completion) -> str:
    choices = completion.body.get("choices") or [{}]
    return (choices[0].get("message") or {}).get("content") or ""
