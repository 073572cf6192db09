"""Search and reading of the log."""
