"""`make run`: starts every part in order, watches them, and stops them in the opposite order."""
