"""Gates read the headers of the request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import factories
from threadless.calls.gates import Gate
from threadless.exceptions import InsufficientQuota
from threadless.testing import CompletionClient, use_dummy_backend

pytestmark = pytest.mark.django_db(transaction=True)


class ProjectGate(Gate):
    """Refuses calls without the header that names a project."""

    def admit(self, call: Any) -> None:
        if call.request_headers.get("x-PROJECT") != "moon":
            raise InsufficientQuota("Name a project.")


@pytest.mark.parametrize(("project", "status"), [("moon", 200), ("mars", 429), (None, 429)])
def test_gate_can_read_the_headers_of_the_request(settings: Any, project: str | None, status: int) -> None:
    settings.THREADLESS = {**settings.THREADLESS, "GATES": [ProjectGate]}
    api = CompletionClient(factories.make_key()[1], headers={} if project is None else {"X-Project": project})
    with use_dummy_backend():
        assert api.complete("small", "Hi").status_code == status
