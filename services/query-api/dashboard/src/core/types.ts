// The shapes of the API under /v1, as far as the pages read them.

export type Outcome = "result" | "error" | "timeout" | "lost" | "superseded" | "unmatched" | "violation" | "sent" | "gap";
export type Source = "charger" | "csms";
export type Role = "viewer" | "analyst" | "support";

/** One exchange. What the charger did not send is null. Lists carry request and response only where asked for. */
export interface LogEntry {
  id: string;
  datetime: string;
  action: string | null;
  charger_id: string;
  connector_id: number | null;
  site_id: string;
  source: Source;
  subprotocol: string | null;
  outcome: Outcome;
  latency_ms: number | null;
  status: string | null;
  error_code: string | null;
  vendor_error_code: string | null;
  info: string | null;
  vendor_id: string | null;
  request_timestamp: string | null;
  id_tag: string | null;
  id_tag_info_status: string | null;
  transaction_id: string | null;
  meter_stop: number | null;
  reason: string | null;
  response_error_code: string | null;
  response_error_description: string | null;
  violations: string[];
  message_id: string | null;
  voltage_l1: number | null;
  voltage_l2: number | null;
  voltage_l3: number | null;
  voltage: number | null;
  voltage_unit: string | null;
  current_import_l1: number | null;
  current_import_l2: number | null;
  current_import_l3: number | null;
  current_import: number | null;
  current_import_unit: string | null;
  power_l1: number | null;
  power_l2: number | null;
  power_l3: number | null;
  power: number | null;
  power_unit: string | null;
  request: string | null;
  response: string | null;
}

export interface LogEntryDetail extends LogEntry {
  connection_id: string;
  sequence: number;
  gateway_id: string;
  kafka_partition: number;
  kafka_offset: number;
  stored_at: string;
  /** Of the same charger and site, the nearest first. */
  neighbours?: { before: LogEntry[]; after: LogEntry[] };
}

export interface LogPage {
  items: LogEntry[];
  next_cursor: string | null;
  total: number | null;
  total_is_lower_bound: boolean | null;
}

export interface Histogram {
  from: string;
  to: string;
  bucket_seconds: number;
  buckets: { at: string; counts: Record<string, number> }[];
}

export interface FacetValue {
  value: string | number | null;
  count: number;
}

export interface Facet {
  field: string;
  values: FacetValue[];
  others: number;
  is_sample: boolean;
}

export interface Facets {
  facets: Facet[];
}

export interface Me {
  subject: string;
  role: Role;
  sites: string[];
  expires_at?: string;
}

export interface Oidc {
  authority: string;
  client_id: string;
  scopes: string;
}

export interface Config {
  oidc: Oidc | null;
  version: string;
  max_export: number;
  max_page: number;
}

export interface ExportColumn {
  header: string;
  column: string;
  description: string;
  /** Whether it is there when no columns are named; where nothing is said, it is. */
  is_default?: boolean;
}

export interface Site {
  site_id: string;
  name?: string;
  entries_24h: number;
  last_entry: string | null;
}

export interface Charger {
  charger_id: string;
  site_id: string;
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}
