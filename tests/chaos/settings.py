"""The settings of `tests.servers`, and every log record as a line of JSON in the file `CHAOS_LOG`."""

from __future__ import annotations

import os
from typing import Any

from tests.servers.settings import *  # noqa: F403
from tests.servers.settings import LOGGING as BEFORE

_before: dict[str, Any] = BEFORE
LOGGING = _before | {
    "formatters": {**_before["formatters"], "record": {"()": "tests.chaos.logs.RecordFormatter"}},
    "handlers": {
        **_before["handlers"],
        "records": {
            "class": "logging.FileHandler",
            "filename": os.environ.get("CHAOS_LOG", os.devnull),
            "formatter": "record",
        },
    },
    "root": {**_before["root"], "handlers": [*_before["root"]["handlers"], "records"]},
}
