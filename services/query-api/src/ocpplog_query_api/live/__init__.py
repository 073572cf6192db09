"""The log as it is written: a stream of entries for each client."""
