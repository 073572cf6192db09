-- Signed meter data are opaque, and kilobytes long: they stay in the request, and the sample says that they are there.
ALTER TABLE ${database}.meter_sample ${on_cluster}
  ADD COLUMN IF NOT EXISTS signed Bool DEFAULT false
  COMMENT 'The value is signed data (1.6 format SignedData), or came with them (2.x signedMeterValue): they stand in the request'
  AFTER value_si
