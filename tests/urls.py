"""The routes of the barest host, and a second admin site that knows no users."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from threadless.admin.keys import BaseAPIKeyAdmin
from threadless.keys.models import APIKey

other_site = admin.AdminSite(name="other")
other_site.register(APIKey, BaseAPIKeyAdmin)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("other/", other_site.urls),
    path("api/v1/", include("threadless.urls")),
]
