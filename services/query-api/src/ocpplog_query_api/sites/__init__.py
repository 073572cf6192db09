"""The sites a caller may see."""
