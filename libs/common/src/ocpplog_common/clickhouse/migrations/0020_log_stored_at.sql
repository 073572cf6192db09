-- For the live tail, which asks for what was stored within seconds. Parts from before have no such index, and need none: they are read until
-- their rows are a week old, or merged with new ones.
ALTER TABLE ${database}.ocpp_log ${on_cluster} ADD INDEX IF NOT EXISTS mm_stored stored_at TYPE minmax GRANULARITY 1
