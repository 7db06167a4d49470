"""Counts tokens when the upstream does not say: never a silent zero, always flagged as an estimate.

`TOKEN_COUNTER` may name any `(text, model) -> tokens`, such as an offline tokenizer.
"""

from __future__ import annotations

import logging

from threadless.conf import conf

logger = logging.getLogger("threadless")

_BYTES_PER_TOKEN = 4


def estimate_tokens(text: str, model: str) -> int:  # noqa: ARG001  (other counters differ by model)
    """A quarter of the UTF-8 bytes, rounded up: what byte-pair encodings come to for ordinary text."""
    return -(-len(text.encode(errors="replace")) // _BYTES_PER_TOKEN)


def count_tokens(text: str, model: str) -> int:
    """Tokens of the text by the configured counter; an estimate if the counter fails."""
    if not text:
        return 0
    try:
        return conf.token_counter(text, model)
    except Exception:  # some tokenizers refuse special tokens, which any client can send
        logger.exception("TOKEN_COUNTER failed; the tokens are estimated.")
        return estimate_tokens(text, model)
