"""The whole pipeline on one machine, without anything installed but Python."""
