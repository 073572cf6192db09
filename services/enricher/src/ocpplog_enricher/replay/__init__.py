"""`ocpplog-admin replay`: re-enriches a time range from Kafka, without duplicates (ADR 16)."""
