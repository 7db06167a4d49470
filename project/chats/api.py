"""The platform's own JSON API for its chats: stored threads, its own fields, its own errors."""

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
    """A chat as the platform's clients see it."""

    class Meta:
        model = Chat
        fields = ("id", "title", "assistant", "is_pinned", "created_at", "updated_at")

    def validate_assistant(self, value: str) -> str:
        """Only those that the user may ask."""
        if value not in assistant_names(self.context["request"].user.pk):
            raise serializers.ValidationError("There is no such assistant.", code="unknown_assistant")
        return value


class MessageSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    """A message as the platform's clients see it."""

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
    """The messages of one chat; posting one answers with the assistant's."""

    serializer_class = MessageSerializer

    def get_chat(self) -> Chat:
        """The chat of the address, if it is the user's."""
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
