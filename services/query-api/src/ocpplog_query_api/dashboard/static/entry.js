// One entry, in the panel. Payloads are shown as text, never as HTML.

const SHOWN = [
  ["datetime", "Datetime"], ["charger_id", "Charger"], ["connector_id", "Connector"], ["site_id", "Site"], ["source", "Sent by"],
  ["outcome", "Outcome"], ["latency_ms", "Latency (ms)"], ["status", "Status"], ["error_code", "Error code"],
  ["vendor_error_code", "Vendor error code"], ["info", "Info"], ["vendor_id", "Vendor ID"], ["id_tag", "ID tag"],
  ["id_tag_info_status", "ID tag status"], ["transaction_id", "Transaction"], ["reason", "Reason"], ["meter_stop", "Meter stop (Wh)"],
  ["request_timestamp", "Timestamp of the request"], ["response_error_code", "Response error"],
  ["response_error_description", "Description"], ["subprotocol", "Subprotocol"], ["message_id", "Message id"],
  ["connection_id", "Connection"], ["id", "Entry id"],
];

export function element(name, text = "", className = "") {
  const found = document.createElement(name);
  found.textContent = text;
  if (className) found.className = className;
  return found;
}

const pretty = (parsed, text) => (parsed === null ? text : JSON.stringify(parsed, null, 2));

export function showEntry(entry, body) {
  const facts = document.createElement("dl");
  for (const [name, label] of SHOWN) {
    if (entry[name] !== null && entry[name] !== "") {
      facts.append(element("dt", label), element("dd", String(entry[name])));
    }
  }
  const parts = [facts];
  if (entry.violations.length) {
    parts.push(element("h3", "Violations"), element("pre", entry.violations.join("\n"), "bad"));
  }
  for (const side of ["request", "response"]) {
    const untitled = entry.outcome === "gap" ? "What is missing" : "Frame";
    const title = side === "request" ? (entry.action ? "Request" : untitled) : "Response";
    if (entry[side]) parts.push(element("h3", title), element("pre", pretty(entry[`${side}_json`], entry[side])));
  }
  body.replaceChildren(...parts);
}
