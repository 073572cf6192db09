// How an exchange ended, and what a status means, at a glance: by colour, by shape and in words.

import type { LogEntry, Outcome } from "../core/types";
import { t } from "../i18n";
import { Icon, type IconName } from "./icons";

/** Kinds of outcomes that share a colour. */
export type Tone = "good" | "bad" | "warn" | "odd" | "soft";

const OUTCOMES: Record<Outcome, { icon: IconName; tone: Tone }> = {
  result: { icon: "check", tone: "good" },
  error: { icon: "cross", tone: "bad" },
  timeout: { icon: "clock", tone: "warn" },
  lost: { icon: "plug", tone: "warn" },
  superseded: { icon: "again", tone: "soft" },
  unmatched: { icon: "question", tone: "soft" },
  violation: { icon: "warning", tone: "odd" },
  sent: { icon: "send", tone: "good" },
  gap: { icon: "gap", tone: "odd" },
};

export const toneOf = (outcome: string): Tone => OUTCOMES[outcome as Outcome]?.tone ?? "soft";
export const outcomeText = (outcome: string): string => t().outcome[outcome as Outcome] ?? outcome;

export function OutcomeIcon({ outcome }: { outcome: Outcome }) {
  const { icon, tone } = OUTCOMES[outcome] ?? OUTCOMES.unmatched;
  return (
    <span class={`outcome ${tone}`} title={outcomeText(outcome)}>
      <Icon name={icon} size={14} />
      <span class="off-screen">{outcomeText(outcome)}</span>
    </span>
  );
}

export function OutcomeBadge({ outcome }: { outcome: Outcome }) {
  const { icon, tone } = OUTCOMES[outcome] ?? OUTCOMES.unmatched;
  return (
    <span class={`badge ${tone}`} title={t().outcomeHelp[outcome]}>
      <Icon name={icon} size={13} /> {outcomeText(outcome)}
    </span>
  );
}

const STATUS_TONES: Record<string, Tone> = {
  Faulted: "bad",
  Unavailable: "warn",
  Available: "good",
  Charging: "good",
};

export function StatusText({ status }: { status: string | null }) {
  return status ? <span class={`status ${STATUS_TONES[status] ?? "soft"}`}>{status}</span> : null;
}

/** The name of an entry: its action, or what it is instead. */
export const titleOf = (entry: Pick<LogEntry, "action" | "outcome">): string =>
  entry.action ?? (entry.outcome === "gap" ? t().untitled.gap : entry.outcome === "unmatched" ? t().outcome.unmatched : t().untitled.other);
