"""Downloads of the log."""
