// How the figures of a session are written.

import { duration, number } from "../core/format";
import type { Session } from "../core/types";
import { t } from "../i18n";
import { Icon } from "../ui/icons";

/** `aligned`: with as many digits as others below each other. */
export const energy = (wh: number | null, aligned = false): string =>
  wh === null ? "" : `${number(wh / 1000, { minimumFractionDigits: aligned ? 2 : 0, maximumFractionDigits: 2 })} kWh`;
export function power(w: number | null, aligned = false): string {
  if (w === null) return "";
  if (Math.abs(w) < 1000) return `${number(w, { maximumFractionDigits: 0 })} W`;
  return `${number(w / 1000, { minimumFractionDigits: aligned ? 1 : 0, maximumFractionDigits: 1 })} kW`;
}
export const lasted = ({ duration_s }: Session): string => (duration_s === null ? "" : duration(duration_s * 1000));

export function SessionState({ session: { is_open, stopped_at } }: { session: Session }) {
  const texts = t().sessions;
  if (is_open) {
    return (
      <span class="badge good">
        <Icon name="sessions" size={13} /> {texts.open}
      </span>
    );
  }
  return <span class={stopped_at ? "badge" : "badge warn"}>{stopped_at ? texts.ended : texts.noStop}</span>;
}
