"""Growth: the cost of calls and pages with a ledger of up to 20 million rows, on PostgreSQL."""
