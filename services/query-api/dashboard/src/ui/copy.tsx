import { t } from "../i18n";
import { Icon, type IconName } from "./icons";
import { say } from "./toast";

/** Copies to the clipboard, also on pages without https, where browsers have no clipboard API. */
export async function copy(text: string, done = t().common.copied): Promise<void> {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text).then(
      () => say(done),
      () => byHand(text, done),
    );
  } else byHand(text, done);
}

function byHand(text: string, done: string): void {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "off-screen";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  if (document.execCommand("copy")) say(done);
  area.remove();
}

export function CopyButton({ text, label, icon = "copy" }: { text: string; label: string; icon?: IconName }) {
  return (
    <button type="button" class="button quiet" aria-label={label} title={label} onClick={() => void copy(text)}>
      <Icon name={icon} />
    </button>
  );
}
