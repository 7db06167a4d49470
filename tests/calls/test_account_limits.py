"""The limits of a key, and those of its account, which all its keys share."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from tests.support.fixtures import IssueKey
from tests.support.limits import Limit, call, rate_headers
from threadless.keys.adapters import ModelKeyAdapter
from threadless.keys.models import AbstractAPIKey
from threadless.models import UsageRecord
from threadless.testing import CompletionClient
from threadless.types import Limits

ACCOUNT_LIMITS: dict[str, Limits] = {
    "small": Limits(requests_per_minute=2),
    "modest": Limits(tokens_per_minute=150),
    "closed": Limits(requests_per_minute=0),
    "free": Limits(),
}


class AccountAdapter(ModelKeyAdapter):
    """A host's adapter: the note of a key names its account."""

    def get_caller_fields(self, key: AbstractAPIKey) -> dict[str, Any]:
        account = {"account": key.note, "account_limits": ACCOUNT_LIMITS[key.note or "free"]}
        return super().get_caller_fields(key) | account


@pytest.fixture
def client(clock: time_machine.Traveller, issue_key: IssueKey) -> Any:
    """Makes a client with a key that has these columns."""
    return lambda **fields: CompletionClient(issue_key(**fields)[1])


@pytest.fixture(autouse=True)
def adapter(limit: Limit) -> None:
    """No limits from the settings."""
    limit(KEY_ADAPTER=AccountAdapter)


def test_key_has_its_own_limit_instead_of_the_settings(limit: Limit, client: Any) -> None:
    limit(KEY_ADAPTER=AccountAdapter, REQUESTS_PER_MINUTE=2)
    tight, wide, plain = client(requests_per_minute=1), client(requests_per_minute=3), client()
    assert [[call(each).status_code for _ in range(4)].count(200) for each in (tight, wide, plain)] == [1, 3, 2]


def test_key_has_its_own_limit_of_tokens(client: Any) -> None:
    api = client(tokens_per_minute=150)
    assert [call(api).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("unit", ["requests", "tokens"])
def test_limit_of_zero_refuses_every_request_for_good(client: Any, unit: str) -> None:
    api = client(**{f"{unit}_per_minute": 0})
    response = call(api)
    assert response.status_code == 429
    assert response.json()["error"]["message"] == f"Rate limit reached: this key is limited to 0 {unit} per minute."
    assert response["x-should-retry"] == "false"
    assert "Retry-After" not in response
    assert rate_headers(response, unit) == ("0", "0", "0s")
    assert not UsageRecord.objects.exists()


def test_keys_of_one_account_share_its_requests(client: Any) -> None:
    first, second, other = client(note="small"), client(note="small"), client(note="free")
    assert [call(each).status_code for each in (first, second, first, second, other)] == [200, 200, 429, 429, 200]


def test_keys_of_one_account_share_its_tokens(client: Any) -> None:
    first, second = client(note="modest"), client(note="modest")
    assert [call(each).status_code for each in (first, second, first)] == [200, 200, 429]


def test_account_without_a_name_has_no_limits(client: Any, limit: Limit) -> None:
    class Nameless(AccountAdapter):
        def get_caller_fields(self, key: AbstractAPIKey) -> dict[str, Any]:
            return super().get_caller_fields(key) | {"account_limits": Limits(requests_per_minute=0)}

    limit(KEY_ADAPTER=Nameless)
    assert call(client()).status_code == 200


def test_closed_account_refuses_all_its_keys(client: Any) -> None:
    response = call(client(note="closed"))
    assert (response.status_code, response["x-should-retry"]) == (429, "false")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"requests_per_minute": 1}, "this key is limited to 1 requests per minute"),
        ({"requests_per_minute": 2, "note": "free"}, "this key is limited to 2 requests per minute"),
        ({"requests_per_minute": 9, "note": "small"}, "this account is limited to 2 requests per minute"),
        ({"tokens_per_minute": 999, "note": "modest"}, "this account is limited to 150 tokens per minute"),
    ],
)
def test_refusal_names_the_limit_that_is_used_up(client: Any, columns: dict[str, Any], message: str) -> None:
    api = client(**columns)
    response = [call(api) for _ in range(3)][-1]
    assert message in response.json()["error"]["message"]


def test_headers_show_whichever_has_less_left(client: Any) -> None:
    first, second = client(note="small", requests_per_minute=9), client(note="small", requests_per_minute=1)
    assert rate_headers(call(first), "requests") == ("2", "1", "1m10s")
    assert rate_headers(call(second), "requests") == ("1", "0", "1m10s")


def test_request_that_the_account_refuses_is_not_counted_for_the_key(
    client: Any, clock: time_machine.Traveller
) -> None:
    busy, api = client(note="small"), client(note="small", requests_per_minute=1)
    assert [call(busy).status_code for _ in range(2)] == [200, 200]
    clock.shift(30)
    assert call(api).status_code == 429
    clock.shift(40)  # the account has forgotten its requests; the key would not yet have forgotten its own
    assert call(api).status_code == 200


def test_request_that_the_key_refuses_is_not_counted_for_the_account(client: Any) -> None:
    greedy, modest = client(note="small", requests_per_minute=1), client(note="small")
    assert [call(each).status_code for each in (greedy, greedy, greedy, modest)] == [200, 429, 429, 200]


def test_refused_client_waits_for_the_limit_that_takes_longest(client: Any, clock: time_machine.Traveller) -> None:
    other, api = client(note="small"), client(note="small", requests_per_minute=1)
    call(other)
    clock.shift(30)
    call(api)
    assert call(api)["Retry-After"] == "70"  # the key's request was later than the account's first
