// The export: what it will hold is known before it is asked for.

import { useState } from "preact/hooks";

import { request } from "../core/api";
import { config } from "../core/config";
import { number } from "../core/format";
import { preferences, prefer } from "../core/preferences";
import { useResource } from "../core/resource";
import type { Query } from "../core/router";
import type { ExportColumn, Facets, LogPage } from "../core/types";
import { t } from "../i18n";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Picker } from "../ui/picker";
import { words } from "../ui/states";
import { say } from "../ui/toast";
import { valueText } from "./filters";
import { addFilter, parameters, search } from "./search";
import type { FilterName } from "./terms";
import { TimeRange } from "./time-range";

const FORMATS = ["csv", "xlsx", "ndjson", "parquet"] as const;
const SEPARATORS = ["comma", "semicolon", "tab"] as const;
const ADVICE: readonly FilterName[] = ["site", "charger", "action", "status", "outcome"];

export function ExportDialog({ close }: { close: () => void }) {
  const query = parameters(search.value);
  const count = useResource<LogPage>("/v1/logs", { ...query, limit: "1", count: "true" });
  const columns = useResource<ExportColumn[]>("/v1/logs/export/columns");
  const [format, setFormat] = useState(preferences.value.exportFormat);
  const [separator, setSeparator] = useState<string>("comma");
  const [bom, setBom] = useState(false);
  const [truncate, setTruncate] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const maximum = config.value?.max_export ?? 10_000;
  const total = count.data?.total ?? 0;
  const over = total > maximum;
  const all = columns.data?.map(({ header }) => header) ?? [];
  const usual = columns.data?.filter((column) => column.is_default ?? true).map(({ header }) => header) ?? [];
  const chosen = (preferences.value.exportColumns ?? usual).filter((header) => all.includes(header));
  const ready = !count.loading && total > 0 && (!over || truncate) && chosen.length > 0 && !busy;

  const start = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    const options: Query = { columns: chosen.join() === usual.join() ? null : chosen.join(","), format };
    if (format === "csv") Object.assign(options, { separator, bom: bom ? "true" : null });
    if (over) options.truncate = "true";
    try {
      say(t().export.done(await download("/v1/logs/export", { ...query, ...options })));
      close();
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };
  return (
    <Dialog title={t().export.title} class="export" close={close}>
      <form onSubmit={(event) => void start(event)}>
        <Count loading={count.loading} page={count.data} problem={count.problem} />
        {over && <Narrow query={query} maximum={maximum} truncate={truncate} setTruncate={setTruncate} />}
        <fieldset class="choice">
          <legend>{t().export.format}</legend>
          {FORMATS.map((name) => (
            <label key={name}>
              <input type="radio" name="format" checked={format === name} onChange={() => (setFormat(name), prefer({ exportFormat: name }))} />
              <span>{t().export[name]}</span>
            </label>
          ))}
        </fieldset>
        {format === "csv" && (
          <div class="csv-options">
            <fieldset class="choice">
              <legend>{t().export.separator}</legend>
              {SEPARATORS.map((name) => (
                <label key={name}>
                  <input type="radio" name="separator" checked={separator === name} onChange={() => setSeparator(name)} />
                  <span>{t().export[name]}</span>
                </label>
              ))}
            </fieldset>
            <label class="option">
              <input type="checkbox" checked={bom} onChange={() => setBom(!bom)} /> <span>{t().export.bom}</span>
            </label>
          </div>
        )}
        <details class="export-columns">
          <summary>
            {t().export.columns} <span class="soft">{t().export.chosen(chosen.length, all.length)}</span>
          </summary>
          <div class="export-columns-tools">
            <button type="button" class="button" onClick={() => prefer({ exportColumns: all })}>
              {t().export.all}
            </button>
            <button type="button" class="button" onClick={() => prefer({ exportColumns: null })}>
              {t().common.reset}
            </button>
            <button type="button" class="button" onClick={() => prefer({ exportColumns: [] })}>
              {t().common.none}
            </button>
          </div>
          <Picker
            all={all}
            chosen={chosen}
            title={(header) => header}
            hint={(header) => columns.data?.find((column) => column.header === header)?.description}
            choose={(headers) => prefer({ exportColumns: headers })}
          />
        </details>
        {columns.data && chosen.length === 0 && <p class="bad-text">{t().export.noColumns}</p>}
        <Failure problem={problem ?? columns.problem} />
        <footer class="dialog-foot">
          <button type="button" class="button" onClick={close}>
            {t().common.cancel}
          </button>
          <button type="submit" class="button primary" disabled={!ready}>
            <Icon name="download" /> {busy ? t().export.downloading : t().export.download}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

function Count({ loading, page, problem }: { loading: boolean; page: LogPage | null; problem: unknown }) {
  if (problem) return <Failure problem={problem} />;
  if (!page || loading) return <p role="status">{t().export.counting}</p>;
  const total = page.total ?? 0;
  return <p role="status">{total ? t().export.matches(total, page.total_is_lower_bound ?? false) : t().export.none}</p>;
}

function Failure({ problem }: { problem: unknown }) {
  if (!problem) return null;
  const { title, detail } = words(problem);
  return (
    <p class="bad-text" role="alert">
      <strong>{title}</strong> {detail}
    </p>
  );
}

interface NarrowProperties {
  query: Query;
  maximum: number;
  truncate: boolean;
  setTruncate: (truncate: boolean) => void;
}

/** What the entries are about, to be chosen from until they fit. */
function Narrow({ query, maximum, truncate, setTruncate }: NarrowProperties) {
  const fields = ADVICE.filter((name) => search.value.filters[name]?.length !== 1);
  const { data } = useResource<Facets>("/v1/logs/facets", { ...query, field: fields, top: "5" });
  return (
    <div class="narrow">
      <p>
        <strong>{t().export.over(maximum)}</strong>
      </p>
      <TimeRange />
      {data?.facets.map(({ field, values }) =>
        values.length < 2 ? null : (
          <div key={field} class="narrow-field">
            <span class="soft">{t().field[field as FilterName]}</span>
            <span class="narrow-values">
              {values.map(({ value, count }) =>
                value === null || value === "" ? null : (
                  <button key={value} type="button" class={count <= maximum ? "chip-button fits" : "chip-button"} onClick={() => addFilter(field as FilterName, String(value))}>
                    {t().export.narrowTo(valueText(field as FilterName, String(value)), number(count))}
                  </button>
                ),
              )}
            </span>
          </div>
        ),
      )}
      <label class="option">
        <input type="checkbox" checked={truncate} onChange={() => setTruncate(!truncate)} /> <span>{t().export.truncate(maximum)}</span>
      </label>
    </div>
  );
}

/** Saves what the API answers under the name that it gives; returns the name. The token is in a header, so that no link has it. */
async function download(path: string, query: Query): Promise<string> {
  const response = await request(path, query);
  const name = fileName(response.headers.get("Content-Disposition") ?? "") ?? "ocpp-log";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  return name;
}


/** The name of an attachment (RFC 6266): the one in UTF-8 where there is one. */
export function fileName(disposition: string): string | null {
  const encoded = /filename\*=utf-8''([^;\s]+)/i.exec(disposition)?.[1];
  if (encoded) return decodeURIComponent(encoded);
  return /filename="((?:[^"\\]|\\.)*)"/i.exec(disposition)?.[1]?.replace(/\\(.)/g, "$1") ?? null;
}
