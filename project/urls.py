"""Routes of the platform: its own pages and API, and one line for threadless."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.contrib.staticfiles.views import serve
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.generic import RedirectView

admin.site.site_header = admin.site.site_title = "Harbour"


def health(_request: HttpRequest) -> HttpResponse:
    """The health check of load balancers: the process is running."""
    return HttpResponse("ok", content_type="text/plain")


urlpatterns = [
    path("api/v1/", include("threadless.urls")),  # first, because these are the busiest paths
    path("", include("project.chats.urls")),
    path("account/api/", include("threadless.self_service.urls")),
    path("platform/api/", include("project.chats.api_urls")),
    path("accounts/login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("health/", health, name="health"),
    path("favicon.ico", RedirectView.as_view(url="/static/project/icon.svg", permanent=True)),
    # A small installation serves its own static files. A proxy that serves /static/ makes this route unused.
    re_path(r"^static/(?P<path>.+)$", serve, {"insecure": True}),
]
