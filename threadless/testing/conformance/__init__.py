"""Tests that a host runs against its own installation. `threadless.testing.conformance.plugin` has their options.

`from threadless.testing.conformance import *` in a test module of the host runs them there, in process.
"""

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.test_{name}" for name in ("wire", "access", "ledger")))

from threadless.testing.conformance.plugin import (
    installation,
    is_in_process,
    threadless_hidden_model,
    threadless_key,
    threadless_model,
    threadless_scopeless_key,
)
from threadless.testing.conformance.test_access import *
from threadless.testing.conformance.test_ledger import *
from threadless.testing.conformance.test_wire import *
