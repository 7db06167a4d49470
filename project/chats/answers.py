"""One turn of a regular chat, for both the pages and the API."""

from __future__ import annotations

from project import llm
from project.accounts.models import organisation_id_of
from project.chats.models import Chat, Message
from threadless.backends import backends
from threadless.exceptions import APIError
from threadless.types import Caller, ChatRequest, Completion
from threadless.usage.meter import meter


class NoAnswer(Exception):
    """The chat's assistant cannot answer; the message is for its user."""


def answer(chat: Chat, text: str) -> Message:
    """Store the user's message, send the whole conversation to the chat's assistant, and store its answer.

    There is no transaction: the model may take minutes, and a question without an answer is worth keeping.
    Raises `NoAnswer`.
    """
    chat.messages.create(role=Message.Role.USER, content=text)
    chat.title = chat.title or title_of(text)
    chat.save()
    return chat.messages.create(role=Message.Role.ASSISTANT, content=_ask(chat))


def title_of(text: str) -> str:
    """The first words of a message, at most 60 characters: the title of a chat until its user renames it."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59].rstrip() + "…"


def _ask(chat: Chat) -> str:
    organisation = organisation_id_of(chat.user_id)
    target = llm.find_assistant(chat.assistant, chat.user_id, organisation)
    if target is None:
        raise NoAnswer("This assistant is no longer available.")
    caller = Caller(user_id=chat.user_id, account=str(organisation or ""))
    request = ChatRequest.build(messages=list(chat.messages.values("role", "content")))
    try:
        with meter(request, target, caller) as metering:  # in the same ledger as the calls of API clients
            completion = backends[target.backend].complete(metering.request, target, caller)
            return _text_of(metering.answered(completion))
    except APIError as error:
        raise NoAnswer(error.message) from error


def _text_of(completion: Completion) -> str:
    choices = completion.body.get("choices") or [{}]
    return (choices[0].get("message") or {}).get("content") or ""
