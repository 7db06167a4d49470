"""What a secret looks like and what is kept of it."""

from __future__ import annotations

import hashlib

import pytest

from threadless.keys import secrets


def test_secret_generated_is_well_formed() -> None:
    assert secrets.is_well_formed(secrets.generate("tl"))


def test_secret_generated_twice_differs() -> None:
    assert secrets.generate("tl") != secrets.generate("tl")


@pytest.mark.parametrize("prefix", ["tl", "a", "My-Firm", "with_underscore", "9lives"])
def test_secret_of_any_valid_prefix_is_well_formed(prefix: str) -> None:
    secret = secrets.generate(prefix)
    assert secret.startswith(f"{prefix}_")
    assert secrets.is_well_formed(secret)


def test_secret_with_one_letter_changed_is_malformed() -> None:
    secret = secrets.generate("tl")
    other = "a" if secret[10] != "a" else "b"
    assert not secrets.is_well_formed(secret[:10] + other + secret[11:])


@pytest.mark.parametrize(
    "text", ["", "tl", "tl__", "sk-proj-abc", "tl_" + "0" * 32 + "_000000", "ÿ_" + "0" * 32 + "_000000", "\ud800"]
)
def test_text_that_is_no_secret_is_malformed(text: str) -> None:
    assert not secrets.is_well_formed(text)


def test_secret_with_line_break_is_malformed() -> None:
    assert not secrets.is_well_formed(secrets.generate("tl") + "\n")


def test_digest_is_plain_sha256() -> None:
    assert secrets.digest("secret") == hashlib.sha256(b"secret").hexdigest()
