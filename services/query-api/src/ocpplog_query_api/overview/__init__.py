"""The state of the fleet on one page."""
