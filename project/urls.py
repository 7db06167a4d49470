"""Routes of the platform: its own pages and API, and the one line that plugs threadless in."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.contrib.staticfiles.views import serve
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path


def health(request: HttpRequest) -> HttpResponse:
    """For balancers: this process answers."""
    return HttpResponse("ok", content_type="text/plain")


urlpatterns = [
    path("", include("project.chats.urls")),
    path("platform/api/", include("project.chats.api_urls")),
    path("api/v1/", include("threadless.urls")),
    path("accounts/login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("health/", health, name="health"),
    # A small installation serves its own style sheets. A front server that takes /static/ itself never asks here.
    re_path(r"^static/(?P<path>.+)$", serve, {"insecure": True}),
]
