"""The routes of a host with two dialects."""

from django.urls import include, path

from threadless.urls import routes

urlpatterns = [path("api/v1/", include((routes(), "threadless")))]
