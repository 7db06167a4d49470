"""Organisations and keys in the admin."""

from django.contrib import admin

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

    list_display = (*BaseAPIKeyAdmin.list_display, "organisation")
    list_select_related = ("user", "organisation")
    autocomplete_fields = ("organisation",)
