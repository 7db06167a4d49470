"""The platform's own JSON API for its chats, with its own fields and error format."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import generics, serializers
from rest_framework.serializers import BaseSerializer

from project.chats.answers import NoAnswer, answer
from project.chats.errors import AssistantUnavailable
from project.chats.forms import assistant_names
from project.chats.models import Chat, Message


class ChatSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    """A chat in the platform's API."""

    class Meta:
        model = Chat
        fields = ("id", "title", "assistant", "is_pinned", "created_at", "updated_at")

    def validate_assistant(self, value: str) -> str:
        """Refuse assistants that the user may not use."""
        if value not in assistant_names(self.context["request"].user.pk):
            raise serializers.ValidationError("This assistant does not exist.", code="unknown_assistant")
        return value


class MessageSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    """A message in the platform's API."""

    class Meta:
        model = Message
        fields = ("id", "role", "content", "created_at")
        read_only_fields = ("role",)


class ChatListView(generics.ListCreateAPIView):  # type: ignore[type-arg]
    """The user's chats."""

    serializer_class = ChatSerializer

    def get_queryset(self) -> QuerySet[Chat]:
        return Chat.objects.owned_by(self.request.user.pk)

    def perform_create(self, serializer: BaseSerializer[Chat]) -> None:
        serializer.save(user=self.request.user)


class MessageListView(generics.ListCreateAPIView):  # type: ignore[type-arg]
    """The messages of one chat. A POST stores the user's message and returns the assistant's."""

    serializer_class = MessageSerializer

    def get_chat(self) -> Chat:
        """The chat in the URL; 404 if it belongs to another user."""
        own = Chat.objects.owned_by(self.request.user.pk)
        return generics.get_object_or_404(own, pk=self.kwargs["chat_id"])

    def get_queryset(self) -> QuerySet[Message]:
        return self.get_chat().messages.all()

    def perform_create(self, serializer: BaseSerializer[Message]) -> None:
        content: Any = serializer.validated_data["content"]
        try:
            serializer.instance = answer(self.get_chat(), content)
        except NoAnswer as error:
            raise AssistantUnavailable(str(error)) from error
