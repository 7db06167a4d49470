"""Organisations and keys in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from project.accounts.models import ApiKey, Membership, Organisation
from threadless.admin.keys import BaseAPIKeyAdmin


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    """Who belongs to an organisation."""

    model = Membership
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(Organisation)
class OrganisationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Organisations with their members."""

    list_display = ("name", "slug")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (MembershipInline,)


@admin.register(ApiKey)
class ApiKeyAdmin(BaseAPIKeyAdmin):
    """Keys as threadless shows them, with the platform's own column."""

    autocomplete_fields = ("organisation",)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [*super().get_list_display(request), "organisation"]

    def get_list_select_related(self, request: HttpRequest) -> tuple[str, ...]:
        return ("user", "organisation")
