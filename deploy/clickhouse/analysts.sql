-- Analysts' accounts: read-only, bounded, and of some sites alone where that is wanted. Run as an administrator. On a cluster whose accounts
-- are in Keeper (components/clickhouse) run it once, on any node; on another one add ON CLUSTER to each statement. On either put the row policies on the tables that hold the rows: ocpp_log_shard, meter_sample_shard, connection_event_shard.
CREATE SETTINGS PROFILE IF NOT EXISTS analyst SETTINGS
  readonly = 2,
  max_execution_time = 120 MAX 600,
  max_memory_usage = 8000000000 MAX 8000000000,
  max_rows_to_read = 20000000000 MAX 20000000000,
  max_result_rows = 5000000 MAX 5000000,
  max_concurrent_queries_for_user = 8 MAX 8,
  text_index_like_max_postings_to_read = 100000;

CREATE ROLE IF NOT EXISTS analyst SETTINGS PROFILE 'analyst';
GRANT SELECT ON ocpplog.* TO analyst;

CREATE QUOTA IF NOT EXISTS analyst KEYED BY user_name
  FOR INTERVAL 1 hour MAX queries = 2000, errors = 500, execution_time = 3600, read_bytes = 2000000000000
  TO analyst;

-- Whoever sees all sites.
CREATE ROLE IF NOT EXISTS all_sites;
CREATE ROW POLICY IF NOT EXISTS all_sites ON ocpplog.ocpp_log, ocpplog.meter_sample, ocpplog.connection_event USING 1 TO all_sites;

-- One role a site or group of sites. Policies of several roles add up.
CREATE ROLE IF NOT EXISTS site_depot;
CREATE ROW POLICY IF NOT EXISTS site_depot ON ocpplog.ocpp_log, ocpplog.meter_sample, ocpplog.connection_event
  USING site_id IN ('depot') TO site_depot;

CREATE USER IF NOT EXISTS anna IDENTIFIED WITH sha256_password BY 'ANNAS_PASSWORD';
GRANT analyst, all_sites TO anna;

CREATE USER IF NOT EXISTS ben IDENTIFIED WITH sha256_password BY 'BENS_PASSWORD';
GRANT analyst, site_depot TO ben;
