"""The settings of `tests.servers`, and every log record as a line of JSON in the file `CHAOS_LOG`."""

from __future__ import annotations

import os

from tests.servers.settings import *  # noqa: F403
from tests.servers.settings import LOGGING

LOGGING = LOGGING | {
    "formatters": {**LOGGING["formatters"], "record": {"()": "tests.chaos.logs.RecordFormatter"}},
    "handlers": {
        **LOGGING["handlers"],
        "records": {
            "class": "logging.FileHandler",
            "filename": os.environ.get("CHAOS_LOG", os.devnull),
            "formatter": "record",
        },
    },
    "root": {**LOGGING["root"], "handlers": [*LOGGING["root"]["handlers"], "records"]},
}
