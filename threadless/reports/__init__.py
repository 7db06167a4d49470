"""Daily usage rollups and the commands and pages that read them."""
