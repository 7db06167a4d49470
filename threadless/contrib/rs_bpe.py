"""Exact tokens of OpenAI's models, counted offline: `"TOKEN_COUNTER": "threadless.contrib.rs_bpe.count"`.

Comes with `pip install "django-threadless[tokens]"`; the vocabularies are in the package.
"""

from __future__ import annotations

import re
from typing import Final

from rs_bpe import openai

_OLDER: Final = re.compile(r"gpt-(3\.5|35|4)(?![.\w])")
"""Models up to GPT-4 Turbo; those after them, and the models of others, are counted by the newer vocabulary."""


def count(text: str, model: str) -> int:
    """Tokens of the text, for a `model` by its upstream name."""
    tokenizer = openai.cl100k_base() if _OLDER.search(model) else openai.o200k_base()
    return int(tokenizer.count(text.encode(errors="replace").decode()))
