// The change of a level: which, until when, why.

import { useState } from "preact/hooks";

import { sendJson } from "../core/api";
import type { Level, SiteLevel } from "../core/types";
import { t } from "../i18n";
import { fromInput, zoneHint } from "../log/time-range";
import { Card } from "../ui/controls";
import { words } from "../ui/states";
import { say } from "../ui/toast";

const LEVELS: readonly Level[] = ["minimal", "info", "debug"];
/** As the API takes them; "own": a moment of one's own; "": without an end. */
const EXPIRIES = ["+1h", "+4h", "+24h", "+7d", "own", ""] as const;
type Expiry = (typeof EXPIRIES)[number];

export function LevelForm({ id, level, done }: { id: string; level: SiteLevel; done: (level: SiteLevel) => void }) {
  const texts = t().sites;
  const [chosen, choose] = useState<Level | null>(level.level === "debug" ? null : "debug");
  const [expiry, setExpiry] = useState<Expiry>("+4h");
  const [own, setOwn] = useState("");
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const past = expiry === "own" && own !== "" && new Date(fromInput(own)).getTime() <= Date.now();
  const ready = !busy && reason.trim() !== "" && !(chosen && expiry === "own" && (!own || past));

  const submit = async (event: Event) => {
    event.preventDefault();
    if (!ready) return;
    setBusy(true);
    setProblem(null);
    const until = chosen === null || expiry === "" ? null : expiry === "own" ? fromInput(own) : expiry;
    try {
      const now = await sendJson<SiteLevel>("PUT", `/v1/sites/${encodeURIComponent(id)}/log-level`, { level: chosen, until, reason: reason.trim() });
      say(texts.done(id, now.level));
      setReason("");
      done(now);
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };
  return (
    <Card title={texts.set} icon="settings">
      <form class="level-form" onSubmit={(event) => void submit(event)}>
        <Radios
          name="level"
          legend={texts.newLevel}
          chosen={chosen ?? ""}
          choices={[["", texts.default(level.default_level)], ...LEVELS.map((name): [string, string] => [name, texts.levels[name]])]}
          choose={(value) => choose((value || null) as Level | null)}
        />
        <p class="hint soft">{texts.meaning[chosen ?? level.default_level]}</p>
        {chosen !== null && (
          <Radios name="expiry" legend={texts.expiry} chosen={expiry} choices={EXPIRIES.map((value) => [value, expiryText(value)])} choose={(value) => setExpiry(value as Expiry)} />
        )}
        {chosen !== null && expiry === "own" && (
          <div>
            <label class="control">
              <span>{texts.ownLabel}</span>
              <input type="datetime-local" value={own} onInput={(event) => setOwn(event.currentTarget.value)} aria-invalid={past} aria-describedby="own-hint" />
            </label>
            <p class={past ? "hint bad-text" : "hint soft"} id="own-hint" role={past ? "alert" : undefined}>
              {past ? texts.past : zoneHint()}
            </p>
          </div>
        )}
        <label class="control">
          <span>{texts.reason}</span>
          <input type="text" required maxLength={500} value={reason} aria-describedby="reason-hint" onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <p class="hint soft" id="reason-hint">
          {texts.reasonHint}
        </p>
        <Failure problem={problem} />
        <p>
          <button type="submit" class="button primary" disabled={!ready}>
            {busy ? texts.working : texts.submit}
          </button>
        </p>
      </form>
    </Card>
  );
}

function expiryText(expiry: Expiry): string {
  const texts = t().sites;
  if (expiry === "own") return texts.own;
  if (expiry === "") return texts.forever;
  const count = parseInt(expiry.slice(1), 10);
  return expiry.endsWith("h") ? texts.hours(count) : texts.days(count);
}

interface RadiosProperties {
  name: string;
  legend: string;
  chosen: string;
  choices: [value: string, text: string][];
  choose: (value: string) => void;
}

function Radios({ name, legend, chosen, choices, choose }: RadiosProperties) {
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {choices.map(([value, text]) => (
        <label key={value}>
          <input type="radio" name={name} checked={chosen === value} onChange={() => choose(value)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
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
