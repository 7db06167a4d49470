"""The platform's routes: pages have their language in the path, the API does not."""

from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("threadless.urls")),
    *i18n_patterns(
        path("admin/", admin.site.urls),
        path("accounts/", include("allauth.account.urls")),
        path("account/api/", include("threadless.self_service.urls")),
    ),
]
