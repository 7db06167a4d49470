"""The platform's routes."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from tests.urls import urlpatterns as bare

urlpatterns = [
    *bare,
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("silk/", include("silk.urls", namespace="silk")),
    path("__debug__/", include("debug_toolbar.urls")),
]
