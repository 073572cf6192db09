"""The enricher: turns raw frames into the log."""
