"""Agents in the admin."""

from django.contrib import admin

from project.agents.models import Agent


@admin.register(Agent)
class AgentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """For support staff. Users create their agents in the platform itself."""

    list_display = ("name", "public_id", "visibility", "owner", "organisation", "is_active")
    list_filter = ("visibility", "is_active", "organisation")
    list_select_related = ("owner", "organisation")
    search_fields = ("name", "public_id")
    readonly_fields = ("public_id", "created_at")
    autocomplete_fields = ("owner", "organisation")
