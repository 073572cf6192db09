"""What can go wrong in the enricher."""


class EnricherError(Exception):
    """Base of the enricher's own errors."""


class StoreUnavailable(EnricherError):
    """ClickHouse did not take a write for as long as the settings allow."""


class RowsRejected(EnricherError):
    """ClickHouse refused the rows themselves: trying again will not help."""


class TooManyDeadLetters(EnricherError):
    """So many records in a row could not be enriched that the fault is ours, not theirs."""


class TopicIsNew(EnricherError):
    """The topic was lost and made anew: the offsets that the group committed are of the old one."""


class PartitionLost(EnricherError):
    """The partition belongs to another member now, or to a later generation: what is in hand of it will be read again."""
