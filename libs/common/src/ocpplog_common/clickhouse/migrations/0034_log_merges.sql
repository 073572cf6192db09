-- ClickHouse reckons 5 MB more for each part, and merges where all are together so many times as large as the largest. With 5, as is usual, twenty new parts
-- of ten kB may be merged with one of 20 MB: each merge of a young week wrote all of it again, the day long.
ALTER TABLE ${database}.ocpp_log ${on_cluster} MODIFY SETTING merge_selector_base = 30
