"""Forms of the chat pages."""

from __future__ import annotations

from typing import Any

from django import forms

from project import llm
from project.accounts.models import organisation_id_of
from project.chats.models import Chat


class NewChatForm(forms.Form):
    """The assistant of a new chat."""

    assistant = forms.ChoiceField()

    def __init__(self, *args: Any, user_id: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["assistant"].choices = list(assistant_names(user_id).items())  # type: ignore[attr-defined]


class MessageForm(forms.Form):
    """The next message of a chat."""

    text = forms.CharField(
        max_length=8000,
        label="Message",
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "Write a message …", "autofocus": True}),
    )


class ChatForm(forms.ModelForm):  # type: ignore[type-arg]
    """The fields of a chat that its user may change."""

    class Meta:
        model = Chat
        fields = ("title", "is_pinned")


def assistant_names(user_id: Any) -> dict[str, str]:
    """ID → display name of every assistant that this user may use."""
    targets = llm.assistants(user_id, organisation_id_of(user_id))
    return {target.id: target.name or target.id for target in targets}
