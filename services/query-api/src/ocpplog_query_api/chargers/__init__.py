"""Chargers: who they are, how they are, what happened to them."""
