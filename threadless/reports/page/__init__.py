"""The report in the admin: what its address selects, its tiles, chart and tables."""
