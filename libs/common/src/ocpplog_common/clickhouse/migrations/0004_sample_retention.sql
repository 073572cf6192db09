-- As of the row whose request carried the sample.
ALTER TABLE ${database}.meter_sample ${on_cluster} ADD COLUMN IF NOT EXISTS retention_days UInt16 DEFAULT 400
