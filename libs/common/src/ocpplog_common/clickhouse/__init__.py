"""ClickHouse: how to reach it, its tables, its migrations."""
