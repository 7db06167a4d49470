"""`Chat` and `Message`, which only regular chats store; threadless stores no messages."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse


class ChatQuerySet(models.QuerySet["Chat"]):
    """Chats by the user who asks."""

    def owned_by(self, user_id: Any) -> ChatQuerySet:
        """The chats of this user. Pages and API show no others."""
        return self.filter(user_id=user_id)


class Chat(models.Model):
    """One conversation of a user with a model or an agent."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="chats")
    title = models.CharField(max_length=80, blank=True)
    assistant = models.CharField(max_length=100, help_text="Name of a model or ID of an agent.")
    is_pinned = models.BooleanField("pinned", default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ChatQuerySet.as_manager()

    class Meta:
        ordering = ("-is_pinned", "-updated_at", "-pk")

    def __str__(self) -> str:
        return self.title or "New chat"

    def get_absolute_url(self) -> str:
        return reverse("chats:detail", args=[self.pk])


class Message(models.Model):
    """One message of a chat."""

    class Role(models.TextChoices):
        USER = "user", "You"
        ASSISTANT = "assistant", "Assistant"

    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="messages")
    role = models.CharField(max_length=9, choices=Role.choices)
    content = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.role}: {self.content[:40]}"
