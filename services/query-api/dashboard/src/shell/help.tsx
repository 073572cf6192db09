import { signal } from "@preact/signals";

import { t } from "../i18n";
import { Dialog } from "../ui/dialog";

export const helpShown = signal(false);

export function Help({ close }: { close: () => void }) {
  const texts = t().keys;
  const keys: [string[], string][] = [
    [["/"], texts.search],
    [["j", "↓"], texts.next],
    [["k", "↑"], texts.previous],
    [["Enter"], texts.open],
    [["Esc"], texts.close],
    [["l"], texts.live],
    [["p"], texts.pause],
    [["g"], texts.top],
    [["e"], texts.explain],
    [["?"], texts.help],
  ];
  return (
    <Dialog title={texts.title} close={close}>
      <dl class="keys">
        {keys.map(([names, text]) => (
          <div key={text}>
            <dt>
              {names.map((name) => (
                <kbd key={name}>{name}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
