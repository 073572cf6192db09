-- How long the row is kept, as its level and its site's record said when it was written.
ALTER TABLE ${database}.ocpp_log ${on_cluster} ADD COLUMN IF NOT EXISTS retention_days UInt16 DEFAULT 400
