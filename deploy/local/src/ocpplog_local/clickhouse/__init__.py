"""ClickHouse's HTTP interface over one chDB engine, for the local run and the tests.

What clickhouse-connect, curl and common tools use of it: https://clickhouse.com/docs/interfaces/http
"""
