"""The barest host, for the tests of bridges: they need packages that take seconds to import."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # otherwise LiteLLM downloads its prices while it is imported
