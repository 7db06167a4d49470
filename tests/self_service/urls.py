"""The routes of a host with the pages for customers."""

from __future__ import annotations

from django.contrib.auth.views import LoginView
from django.urls import include, path

from tests.urls import urlpatterns as core_routes

urlpatterns = [
    *core_routes,
    path("account/api/", include("threadless.self_service.urls")),
    path("login/", LoginView.as_view(), name="login"),
]
