"""Every input that is tested, by kind: what real upstreams, hosts and clients send."""

from __future__ import annotations

from typing import Final

from tests.wire.cases.caching import CACHING
from tests.wire.cases.case import Case
from tests.wire.cases.counts import COUNTS
from tests.wire.cases.errors import ERRORS
from tests.wire.cases.forms import FORMS
from tests.wire.cases.host_values import HOST_VALUES
from tests.wire.cases.reasons import REASONS
from tests.wire.cases.refusals import REFUSALS
from tests.wire.cases.reported import REPORTED
from tests.wire.cases.reported_calls import REPORTED_CALLS
from tests.wire.cases.requests import REQUESTS
from tests.wire.cases.retries import RETRIES
from tests.wire.cases.stream_options import STREAM_OPTIONS
from tests.wire.cases.tool_calls import TOOL_CALLS

CASES: Final[list[Case]] = [
    *(*ERRORS, *REASONS, *COUNTS, *HOST_VALUES, *CACHING, *TOOL_CALLS, *RETRIES),
    *(*STREAM_OPTIONS, *REFUSALS, *FORMS, *REQUESTS, *REPORTED, *REPORTED_CALLS),
]
CASES_BY_ID: Final = {case.id: case for case in CASES}
