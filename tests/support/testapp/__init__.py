"""An app of a host, installed in all tests: a key table by tenant, and a budget that a ledger hook keeps."""
