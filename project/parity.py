"""One regular chat of the platform, for `manage.py threadless_parity --chat project.parity.regular_chat`."""

from __future__ import annotations

from project.chats.answers import answer
from project.chats.models import Chat, Message
from threadless.testing.parity import CannotSend, Turn


def regular_chat(turn: Turn) -> None:
    """Store the history as a chat, ask its last question as a user does, and delete the chat."""
    if turn.fields or not all(_is_storable(message) for message in turn.messages):
        raise CannotSend("Regular chats hold the texts of users and assistants.")
    *earlier, question = turn.messages
    chat = Chat.objects.create(user=turn.user, assistant=turn.model)
    try:
        chat.messages.bulk_create(Message(chat=chat, **message) for message in earlier)
        answer(chat, question["content"])
    finally:
        chat.delete()


def _is_storable(message: dict[str, object]) -> bool:
    return (
        message.keys() == {"role", "content"}
        and message["role"] in Message.Role.values
        and isinstance(message["content"], str)
    )
