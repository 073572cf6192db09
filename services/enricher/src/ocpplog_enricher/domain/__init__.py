"""Rules without I/O: pairing, levels, fields, meter values."""
