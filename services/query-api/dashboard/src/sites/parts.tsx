// What a level looks like, wherever one is shown.

import type { Level } from "../core/types";
import { t } from "../i18n";
import { Moment } from "../log/columns";

const TONES: Record<Level, string> = { minimal: "", info: "good", debug: "odd" };

/** Levels are names of the product: they stay as they are in every language. */
export function LevelBadge({ level }: { level: Level | null | undefined }) {
  if (!level) return null;
  return (
    <span class={`badge ${TONES[level] ?? ""}`} title={t().sites.meaning[level]}>
      {level}
    </span>
  );
}

/** Until when a level holds, and which one then. */
export function Until({ until, after }: { until: string | null; after: Level | null }) {
  if (!until) return null;
  return (
    <span>
      <Moment iso={until} /> {after && <span class="soft">{t().sites.then(after)}</span>}
    </span>
  );
}
