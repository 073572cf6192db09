-- As of the row whose request carried the sample. DateTime ends in 2106.
ALTER TABLE ${database}.meter_sample ${on_cluster} MODIFY TTL toDateTime(datetime) + toIntervalDay(least(retention_days, 20000))
