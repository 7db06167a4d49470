"""Every input of an upstream that is tested, by kind."""

from __future__ import annotations

from tests.wire.cases.counts import COUNTS
from tests.wire.cases.errors import ERRORS
from tests.wire.cases.forms import FORMS
from tests.wire.cases.reasons import REASONS
from tests.wire.cases.refusals import REFUSALS
from tests.wire.cases.tool_calls import TOOL_CALLS

CASES = [*ERRORS, *REASONS, *COUNTS, *TOOL_CALLS, *REFUSALS, *FORMS]
