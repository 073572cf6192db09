"""Charging sessions, and what was measured in them."""
