// The API's description, from /openapi.json.

import "./styles/index.css";

interface Schema {
  $ref?: string;
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  type?: string;
  items?: Schema;
  default?: unknown;
  description?: string;
  properties?: Record<string, Schema>;
}

interface Operation {
  summary: string;
  description?: string;
  parameters?: { name: string; schema: Schema; description?: string }[];
  responses: Record<string, { description: string; content?: Record<string, unknown> }>;
}

interface Api {
  info: { description: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

function element(name: string, text: string): HTMLElement {
  const found = document.createElement(name);
  // What stands between backticks is code.
  const parts = text.split("`").map((part, index) => (index % 2 ? element("code", part) : part));
  found.append(...parts);
  return found;
}

function typeOf(schema: Schema): string {
  if (schema.$ref) return schema.$ref.split("/").pop() ?? "";
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.const !== undefined) return String(schema.const);
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  return schema.type ?? "any";
}

function definitions(listed: [name: string, schema: Schema, description?: string][]): HTMLElement {
  const list = document.createElement("dl");
  for (const [name, schema, description] of listed) {
    const usual = schema.default;
    const value = usual !== undefined && usual !== "" && usual !== false ? `, default ${JSON.stringify(usual)}` : "";
    list.append(element("dt", name), element("dd", `${typeOf(schema)}${value}. ${description ?? schema.description ?? ""}`));
  }
  return list;
}

const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.theme = dark ? "dark" : "light";
const api = (await (await fetch("/openapi.json")).json()) as Api;
const parts = [element("h1", "ocpplog API"), ...api.info.description.split("\n\n").map((text) => element("p", text))];
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    parts.push(element("h2", `${method.toUpperCase()} ${path}`), element("p", `${operation.summary}. ${operation.description ?? ""}`));
    parts.push(definitions((operation.parameters ?? []).map(({ name, schema, description }) => [name, schema, description])));
    const answers = Object.entries(operation.responses);
    parts.push(element("h3", "Answers"));
    parts.push(definitions(answers.map(([status, { content, description }]) => [status, { type: Object.keys(content ?? {})[0] }, description])));
  }
}
for (const [name, schema] of Object.entries(api.components.schemas)) {
  parts.push(element("h2", name), element("p", schema.description ?? ""));
  parts.push(definitions(Object.entries(schema.properties ?? {}).map(([property, found]) => [property, found])));
}
document.getElementById("docs")!.replaceChildren(...parts);
