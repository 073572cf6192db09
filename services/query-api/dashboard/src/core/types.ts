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

export interface Total {
  total: number;
  total_is_lower_bound: boolean;
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

export type Level = "minimal" | "info" | "debug";

export interface Site {
  site_id: string;
  name?: string | null;
  connectivity?: string | null;
  registered?: boolean | null;
  level?: Level | null;
  level_until?: string | null;
  level_after?: Level | null;
  chargers?: number | null;
  chargers_online?: number | null;
  entries_24h: number;
  errors_24h?: number | null;
  last_entry: string | null;
}

export interface LevelChange {
  who: string | null;
  at: string;
  before: Level | null;
  after: Level | null;
  why: string | null;
  until: string | null;
}

export interface SiteLevel {
  level: Level;
  default_level: Level;
  until: string | null;
  /** What holds from `until` on. */
  after: Level | null;
  history: LevelChange[];
}

export interface ConnectorState {
  connector_id: number | null;
  status: string;
  error_code: string | null;
  since: string;
}

export interface Charger {
  charger_id: string;
  site_id: string;
  registered: boolean | null;
  online: boolean;
  since: string | null;
  last_seen: string | null;
  subprotocol: string | null;
  peer: string | null;
  vendor: string | null;
  model: string | null;
  firmware: string | null;
  serial_number: string | null;
  status: string | null;
  connectors: ConnectorState[];
  last_error: { at: string; error_code: string | null; vendor_error_code: string | null; info: string | null; entry_id: string } | null;
}

export interface ChargerDetail extends Charger {
  connections_24h: number;
  profile: number | null;
  gateway_id: string | null;
}

interface Happening {
  at: string;
  until: string | null;
  title: string;
  site_id: string;
  connector_id: number | null;
}

export interface ConnectionItem extends Happening {
  kind: "connect" | "disconnect" | "refuse";
  peer: string | null;
  close_code: number | null;
  closed_by: string | null;
  reason: string | null;
  duration_s: number | null;
}

export interface StatusItem extends Happening {
  kind: "status";
  entry_id: string;
  status: string | null;
  error_code: string | null;
  vendor_error_code: string | null;
  info: string | null;
}

export interface SessionItem extends Happening {
  kind: "session";
  entry_id: string;
  event: "start" | "stop";
  transaction_id: string | null;
  id_tag: string | null;
  reason: string | null;
  started_at: string | null;
  stopped_at: string | null;
  energy_wh: number | null;
  session_id: string | null;
}

export interface BootItem extends Happening {
  kind: "boot";
  entry_id: string;
  reason: string | null;
  vendor: string | null;
  model: string | null;
  firmware: string | null;
}

export interface ErrorItem extends Happening {
  kind: "error";
  entry_id: string;
  action: string | null;
  source: Source;
  outcome: Outcome;
  error_code: string | null;
  response_error_code: string | null;
  response_error_description: string | null;
}

export type TimelineItem = ConnectionItem | StatusItem | SessionItem | BootItem | ErrorItem;

export interface Session {
  id: string;
  site_id: string;
  charger_id: string;
  connector_id: number | null;
  transaction_id: string | null;
  id_tag: string | null;
  id_tag_info_status: string | null;
  subprotocol: string | null;
  started_at: string | null;
  stopped_at: string | null;
  is_open: boolean;
  duration_s: number | null;
  energy_wh: number | null;
  energy_from: string | null;
  max_power_w: number | null;
  reason: string | null;
  first_seen_at: string;
  last_seen_at: string;
}

export interface CurvePoint {
  at: string;
  power_w: number | null;
  power_l1_w: number | null;
  power_l2_w: number | null;
  power_l3_w: number | null;
  current_a: number | null;
  current_l1_a: number | null;
  current_l2_a: number | null;
  current_l3_a: number | null;
  voltage_v: number | null;
  voltage_l1_v: number | null;
  voltage_l2_v: number | null;
  voltage_l3_v: number | null;
  energy_wh: number | null;
  soc_percent: number | null;
}

export interface SessionDetail extends Session {
  curve: { points: CurvePoint[]; every_s: number | null };
  entries: number;
}

export interface Overview {
  sites: number;
  chargers: { total: number; online: number; offline: number; faulted: number; silent: number };
  entries_per_hour: { at: string; count: number; errors: number }[];
  top_errors: { error_code: string | null; vendor_error_code: string | null; count: number; chargers: number }[];
  slowest: LogEntry[];
  silent: { charger_id: string; site_id: string; last_seen: string | null; usual_gap_s: number | null }[];
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}
