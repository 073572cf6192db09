"""Names of tables and columns, and the names people see for them."""

from __future__ import annotations

from typing import Final

LOG: Final = "ocpp_log"
"""One row an exchange: a request and its response."""
METER_SAMPLE: Final = "meter_sample"
"""One row a sampled value of a MeterValues, StopTransaction or TransactionEvent request."""
CONNECTION_EVENT: Final = "connection_event"
"""One row a connect, refuse or disconnect."""
MIGRATION: Final = "schema_migration"

EXPORT_COLUMNS: Final[dict[str, str]] = {
    "Datetime": "datetime",
    "Action": "action",
    "Charger ID": "charger_id",
    "Connector ID": "connector_id",
    "Request Vendor Error Code": "vendor_error_code",
    "Request Timestamp": "request_timestamp",
    "Request Status": "status",
    "Request Error Code": "error_code",
    "Request Info": "info",
    "Request Vendor ID": "vendor_id",
    "Request ID Tag": "id_tag",
    "Request Meter Stop": "meter_stop",
    "Request Transaction ID": "transaction_id",
    "Request Reason": "reason",
    "Response ID Tag Info Status": "id_tag_info_status",
    "L1 Voltage": "voltage_l1",
    "L2 Voltage": "voltage_l2",
    "L3 Voltage": "voltage_l3",
    "Voltage": "voltage",
    "L1 Current.Import": "current_import_l1",
    "L2 Current.Import": "current_import_l2",
    "L3 Current.Import": "current_import_l3",
    "Current.Import": "current_import",
    "L1 Power": "power_l1",
    "L2 Power": "power_l2",
    "L3 Power": "power_l3",
    "Power": "power",
}
"""Header of the export -> column of `ocpp_log`, in the export's order."""
