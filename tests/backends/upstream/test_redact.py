"""Nothing of an upstream's address or key is left in a text, however it is spelled."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadless.backends.upstream.redact import Redactor

URL = "https://llm.internal:8443/tenant/v1"
KEY = "sk-äb+c/d=="
redact = Redactor(URL, KEY, ["azure-key-123", "short"])


@given(st.text(), st.lists(st.tuples(st.booleans(), st.booleans()), min_size=len(KEY), max_size=len(KEY)), st.text())
def test_key_in_any_mix_of_spellings_is_taken_out(before: str, spelling: list[tuple[bool, bool]], after: str) -> None:
    spelled = "".join(
        quote(character, safe="") if encoded else character.upper() if upper else character
        for character, (encoded, upper) in zip(KEY, spelling, strict=True)
    )
    assert spelled not in redact(f"{before} {spelled} {after}")


@pytest.mark.parametrize(
    "text", [URL, URL.upper(), quote(URL), quote(quote(URL, safe=""), safe=""), "llm.internal", "LLM.Internal:8443"]
)
def test_address_in_any_spelling_is_taken_out(text: str) -> None:
    assert redact(f"see {text}") == "see [redacted]"


@pytest.mark.parametrize("secret", ["azure-key-123"])
def test_header_value_is_taken_out(secret: str) -> None:
    assert redact(f"bad {secret}") == "bad [redacted]"


def test_short_header_value_and_other_text_stay() -> None:
    assert redact("a short text, 50% done: %zz") == "a short text, 50% done: %zz"
