"""The keys of the signed-in user: list, create, rotate, revoke."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from threadless import resolvers
from threadless.conf import conf
from threadless.keys.adapters import ModelKeyAdapter, get_api_key_model
from threadless.keys.models import AbstractAPIKey
from threadless.keys.scopes import may_issue
from threadless.self_service.pages import snippets
from threadless.self_service.pages.forms import KeyForm, RotateForm
from threadless.self_service.pages.listing import rows_of
from threadless.self_service.pages.page import CustomerPage, base_url_of

_LIST: Final = "threadless_self_service:keys"
_NONCES: Final = "threadless_self_service_nonces"
_KEPT_NONCES: Final = 20


class KeyPage(CustomerPage):
    """Base of the pages of keys. Only the user's own keys exist for them."""

    tab = "keys"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        adapter: Any = conf.key_adapter
        if not issubclass(adapter, ModelKeyAdapter):
            raise Http404("The keys of this platform are managed elsewhere.")
        return super().dispatch(request, *args, **kwargs)

    def keys(self) -> Any:
        """The keys of the signed-in user."""
        return get_api_key_model()._default_manager.filter(user=self.request.user)

    def key(self) -> AbstractAPIKey:
        """The key of this address. Keys of other users are not found."""
        try:
            found: AbstractAPIKey | None = self.keys().filter(pk=self.kwargs["pk"]).first()
        except (ValueError, ValidationError):
            found = None
        if found is None:
            raise Http404("There is no such key.")
        return found

    def spend(self, nonce: str) -> bool:
        """True for the first submission of a form. A page that is loaded again would make a second key."""
        spent: list[str] = self.request.session.get(_NONCES, [])
        if nonce in spent:
            messages.warning(self.request, _("This form has already been sent. Nothing was changed."))
            return False
        self.request.session[_NONCES] = [*spent, nonce][-_KEPT_NONCES:]
        return True

    def show(self, key: AbstractAPIKey, secret: str) -> HttpResponse:
        """The page that shows a secret once. It is in no other answer, and in no session."""
        self.template_name = "threadless_self_service/secret.html"
        environment = snippets.environment(base_url_of(self.request), secret)
        context = {"title": _("Your key"), "key": key, "secret": secret, "environment": environment}
        return self.render_to_response(self.get_context_data(**context, curl=snippets.curl(self._model(key))))

    def _model(self, key: AbstractAPIKey) -> str:
        """A model that the key may use, for the examples."""
        allowed = key.allowed_models
        ids = [target.id for target in resolvers.targets(self.caller) if allowed is None or target.id in allowed]
        return ids[0] if ids else "MODEL"


class KeyListPage(KeyPage):
    """All keys, with what each has used this month."""

    title = gettext_lazy("Keys")
    template_name = "threadless_self_service/keys.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(rows=rows_of(self.keys()), may_create=bool(self.caller.scopes), **kwargs)


class CreateKeyPage(KeyPage):
    """A form for a new key; then its secret."""

    title = gettext_lazy("Create a key")
    template_name = "threadless_self_service/create.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{"form": self._form()} | kwargs)

    @sensitive_variables("secret")
    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = self._form(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        if not self.spend(form.cleaned_data["nonce"]):
            return redirect(_LIST)
        keys: Any = get_api_key_model()._default_manager
        key, secret = keys.issue(user=request.user, created_by=request.user, **form.key_fields())
        return self.show(key, secret)

    def _form(self, data: Any = None) -> KeyForm:
        initial = {"scopes": [conf.required_scope], "nonce": secrets.token_hex(16)}
        return KeyForm(data, user=self.request.user, targets=resolvers.targets(self.caller), initial=initial)


class RotateKeyPage(KeyPage):
    """Gives a key a new secret. Its id stays, and with it usage, limits and budgets."""

    title = gettext_lazy("Rotate a key")
    template_name = "threadless_self_service/rotate.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = RotateForm(initial={"nonce": secrets.token_hex(16)}, label_suffix="")
        return super().get_context_data(**{"form": form, "key": self.key()} | kwargs)

    @sensitive_variables("secret")
    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        key, form = self.key(), RotateForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        if fault := self._fault(key):
            messages.error(request, fault)
            return redirect(_LIST)
        if not self.spend(form.cleaned_data["nonce"]):
            return redirect(_LIST)
        secret = key.rotate(timedelta(hours=form.cleaned_data["overlap"]))
        return self.show(key, secret)

    def _fault(self, key: AbstractAPIKey) -> str:
        """Why the user may not have a new secret of this key; empty if nothing speaks against it."""
        if key.revoked_at is not None or key.is_expired():
            return _("This key has ended. Create a new one.")
        if not may_issue(self.request.user, self.request.user, key.scopes):
            return _("This key has scopes that you do not hold. Ask an administrator to rotate it.")
        return ""


class RevokeKeyPage(KeyPage):
    """Revokes a key, which cannot be undone."""

    title = gettext_lazy("Revoke a key")
    template_name = "threadless_self_service/revoke.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(key=self.key(), **kwargs)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        key = self.key()
        key.revoke()
        messages.success(request, _("The key “%(name)s” has been revoked.") % {"name": key.name})
        return redirect(_LIST)
