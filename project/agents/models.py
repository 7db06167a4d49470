"""`Agent`, and the rule that decides who can see which agent."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.crypto import get_random_string

from project.accounts.models import Organisation

PUBLIC_ID_PREFIX: Final = "agent_"
"""Distinguishes agents from models by name."""


def new_public_id() -> str:
    """A new public ID, which users and API clients use in `model`."""
    return PUBLIC_ID_PREFIX + get_random_string(20)


def validate_parameters(value: Any) -> None:
    """Raise `ValidationError` unless the value is a dict: parameters are request fields."""
    if not isinstance(value, dict):
        raise ValidationError('Enter a JSON object, such as {"temperature": 0}.')


class AgentQuerySet(models.QuerySet["Agent"]):
    """Agents by the user who asks."""

    def visible_to(self, user_id: Any, organisation_id: int | None) -> AgentQuerySet:
        """The agents that this user may use while working in this organisation. Chats and gateway share this rule."""
        visibility = Agent.Visibility
        is_visible = Q(visibility=visibility.PUBLIC)
        if user_id is not None:
            is_visible |= Q(visibility=visibility.PRIVATE, owner_id=user_id, organisation_id=organisation_id)
        if organisation_id is not None:
            is_visible |= Q(visibility=visibility.ORGANISATION, organisation_id=organisation_id)
        return self.filter(is_visible, is_active=True)


class Agent(models.Model):
    """A model with instructions and parameters."""

    class Visibility(models.TextChoices):
        PRIVATE = "private", "Only me"
        ORGANISATION = "organisation", "My organisation"
        PUBLIC = "public", "Everybody"

    public_id = models.CharField("ID", max_length=40, unique=True, default=new_public_id, editable=False)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=200, blank=True, help_text="Shown to users who choose an agent.")
    instructions = models.TextField(blank=True, help_text="Sent before every conversation, after the house rule.")
    model = models.CharField(
        max_length=100, blank=True, help_text="Public model name. If empty, the platform's first model is used."
    )
    parameters = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_parameters],
        help_text='Default request fields, such as {"temperature": 0}.',
    )
    visibility = models.CharField(max_length=12, choices=Visibility.choices, default=Visibility.PRIVATE)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="agents")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="agents")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AgentQuerySet.as_manager()

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name
