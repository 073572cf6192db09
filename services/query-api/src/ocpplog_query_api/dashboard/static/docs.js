// The API's description, from /openapi.json.

import { element } from "./entry.js";

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.const) return String(schema.const);
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  return schema.type ?? "any";
}

function definitions(pairs) {
  const list = document.createElement("dl");
  for (const [name, schema, description] of pairs) {
    const value = schema.default !== undefined && schema.default !== "" && schema.default !== false ? `, default ${JSON.stringify(schema.default)}` : "";
    list.append(element("dt", name), element("dd", `${typeOf(schema)}${value}. ${description ?? schema.description ?? ""}`));
  }
  return list;
}

const api = await (await fetch("/openapi.json")).json();
const parts = [...api.info.description.split("\n\n").map((text) => element("p", text))];
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    parts.push(element("h2", `${method.toUpperCase()} ${path}`), element("p", `${operation.summary}. ${operation.description ?? ""}`));
    parts.push(definitions((operation.parameters ?? []).map((p) => [p.name, p.schema, p.description])));
    const answers = Object.entries(operation.responses).map(([status, answer]) => [status, { type: Object.keys(answer.content ?? {})[0] }, answer.description]);
    parts.push(element("h3", "Answers"), definitions(answers));
  }
}
for (const [name, schema] of Object.entries(api.components.schemas)) {
  parts.push(element("h2", name), element("p", schema.description ?? ""), definitions(Object.entries(schema.properties ?? {}).map(([n, s]) => [n, s])));
}
document.getElementById("docs").replaceChildren(...parts);
