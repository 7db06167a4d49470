"""The admin of organisations and keys. Staff work in their own organisations; superusers work in all."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from project.accounts.models import ApiKey, Membership, Organisation
from threadless.admin.keys import BaseAPIKeyAdmin


def organisations_of(request: HttpRequest) -> QuerySet[Organisation]:
    """Return the organisations that the signed-in user may manage."""
    if request.user.is_superuser:
        return Organisation.objects.all()
    return Organisation.objects.filter(pk__in=Membership.objects.filter(user=request.user.pk).values("organisation"))


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    """The members of an organisation."""

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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organisation]:
        return super().get_queryset(request).filter(pk__in=organisations_of(request))


@admin.register(ApiKey)
class ApiKeyAdmin(BaseAPIKeyAdmin):
    """The key admin of threadless, with the platform's own column."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(organisation__in=organisations_of(request))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [*super().get_list_display(request), "organisation"]

    def get_list_select_related(self, request: HttpRequest) -> tuple[str, ...]:
        return ("user", "organisation")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        readonly = super().get_readonly_fields(request, obj)
        return readonly if obj is None else (*readonly, "organisation")

    def get_autocomplete_fields(self, request: HttpRequest) -> Any:
        """Offer a search for organisations to editors who may view them. Others get a list of their organisations."""
        fields = super().get_autocomplete_fields(request)
        may_search = request.user.has_perm("accounts.view_organisation")
        return (*fields, "organisation") if may_search else fields

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "organisation":
            options["queryset"] = organisations_of(request)
        return super().formfield_for_foreignkey(db_field, request, **options)
