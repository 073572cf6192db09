-- The services' accounts, with no more than each needs, for a ClickHouse that no operator sets up (there: components/clickhouse). Run as an
-- administrator after the first `ocpplog-admin migrate`, with passwords in the place of the words in capitals. On a cluster, add
-- ON CLUSTER to each statement. Each may be run again.
CREATE USER IF NOT EXISTS migrate IDENTIFIED WITH sha256_password BY 'MIGRATE_PASSWORD';
GRANT CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, ALTER TABLE, ALTER VIEW, SELECT, INSERT, TRUNCATE, OPTIMIZE ON ocpplog.* TO migrate;
GRANT SELECT ON system.tables TO migrate;
GRANT TABLE ENGINE ON * TO migrate;

-- ALTER DELETE is for `ocpplog-admin replay`, which runs with the enricher's account.
CREATE USER IF NOT EXISTS enricher IDENTIFIED WITH sha256_password BY 'ENRICHER_PASSWORD';
GRANT SELECT, INSERT, ALTER DELETE ON ocpplog.* TO enricher;

CREATE USER IF NOT EXISTS query_api IDENTIFIED WITH sha256_password BY 'QUERY_API_PASSWORD';
GRANT SELECT ON ocpplog.* TO query_api;

-- Once any row policy is on a table, whoever has none sees what users.xml says, and that may be nothing.
CREATE ROW POLICY IF NOT EXISTS services ON ocpplog.ocpp_log, ocpplog.meter_sample, ocpplog.connection_event USING 1 TO migrate, enricher, query_api;
