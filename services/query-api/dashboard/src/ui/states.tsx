// What a view shows when it has nothing to show: loading, empty, a problem.

import type { ComponentChildren } from "preact";

import { Problem } from "../core/api";
import { t } from "../i18n";
import { Icon, type IconName } from "./icons";

export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div class="skeleton" role="status" aria-label={t().common.loading}>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} class={`skeleton-line w${index % 4}`} />
      ))}
    </div>
  );
}

export function Empty({ title, hint, icon = "search", children }: { title: string; hint?: string; icon?: IconName; children?: ComponentChildren }) {
  return (
    <div class="state">
      <Icon name={icon} size={32} />
      <h2>{title}</h2>
      {hint && <p>{hint}</p>}
      {children && <div class="state-actions">{children}</div>}
    </div>
  );
}

/** What happened, in the reader's language where it is known, and what to do. */
export function words(problem: unknown): { title: string; detail: string } {
  const texts = t().problem;
  if (!(problem instanceof Problem)) return { title: texts.internal, detail: String((problem as Error)?.message ?? problem) };
  if (problem.status === 0) return { title: texts.noAnswer, detail: texts.noAnswerDetail };
  const known = (texts as unknown as Record<string, string>)[problem.kind];
  const title = known ?? (problem.title || texts.unexpected(problem.status));
  if (problem.kind === "query-too-slow" || problem.kind === "query-too-big") return { title, detail: texts.narrow };
  // The server's words, which are English, say the same once more.
  if (problem.kind === "not-found") return { title, detail: "" };
  if (problem.status === 503) return { title, detail: texts.later };
  return { title, detail: problem.detail };
}

export function ProblemState({ problem, retry }: { problem: unknown; retry?: () => void }) {
  const { title, detail } = words(problem);
  return (
    <div class="state bad" role="alert">
      <Icon name="warning" size={32} />
      <h2>{title}</h2>
      {detail && <p>{detail}</p>}
      {retry && (
        <div class="state-actions">
          <button type="button" class="button primary" onClick={retry}>
            {t().common.retry}
          </button>
        </div>
      )}
    </div>
  );
}
