"""`path("account/api/", include("threadless.self_service.urls"))`: the pages for customers."""

from __future__ import annotations

from django.urls import path

from threadless.self_service.pages import guide, keys, models, usage

app_name = "threadless_self_service"

urlpatterns = [
    path("", keys.KeyListPage.as_view(), name="keys"),
    path("create/", keys.CreateKeyPage.as_view(), name="create"),
    path("keys/<str:pk>/rotate/", keys.RotateKeyPage.as_view(), name="rotate"),
    path("keys/<str:pk>/revoke/", keys.RevokeKeyPage.as_view(), name="revoke"),
    path("usage/", usage.UsagePage.as_view(), name="usage"),
    path("models/", models.ModelsPage.as_view(), name="models"),
    path("guide/", guide.GuidePage.as_view(), name="guide"),
]
