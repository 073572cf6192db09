// Name, navigation, settings.

import { me } from "../core/config";
import { LANGUAGES, preferences, prefer, type Preferences } from "../core/preferences";
import { place } from "../core/router";
import { signOut } from "../core/session";
import { t } from "../i18n";
import { Icon } from "../ui/icons";
import { Link } from "../ui/link";
import { Menu } from "../ui/menu";
import { VIEWS, viewAt } from "../views";
import { helpShown } from "./help";

export function Header() {
  const here = viewAt(place.value.path)?.view.name;
  return (
    <header class="top">
      <Link to="/" class="brand" label="ocpplog">
        <img src="/static/icon.svg" alt="" width="24" height="24" />
        <span>ocpplog</span>
      </Link>
      <nav class="views" aria-label={t().nav.label}>
        {VIEWS.map((view) => (
          <Link key={view.name} to={view.path} class="view-link" current={view.name === here}>
            <Icon name={view.icon} size={18} />
            <span>{t().nav[view.name]}</span>
          </Link>
        ))}
      </nav>
      <Menu label="" name={t().settings.open} icon="settings" align="end" plain class="settings">
        {(close) => <Settings close={close} />}
      </Menu>
    </header>
  );
}

function Settings({ close }: { close: () => void }) {
  const texts = t().settings;
  return (
    <div class="settings-panel">
      <Who />
      <Choice name="theme" title={texts.theme} options={{ system: texts.system, light: texts.light, dark: texts.dark }} />
      <LanguageChoice />
      <Choice name="zone" title={texts.zone} options={{ local: texts.local, utc: texts.utc }} />
      <Choice name="times" title={texts.times} options={{ absolute: texts.absolute, relative: texts.relative }} />
      <div class="settings-foot">
        <button type="button" class="button" onClick={() => (close(), (helpShown.value = true))}>
          {texts.shortcuts} <kbd>?</kbd>
        </button>
        <a class="button" href="/docs">
          {t().nav.api}
        </a>
        <a class="button" href="/static/licences.txt">
          {texts.licences}
        </a>
        <button type="button" class="button" onClick={() => signOut()}>
          {texts.signOut}
        </button>
      </div>
    </div>
  );
}

function Who() {
  if (!me.value) return null;
  const { subject, role, sites } = me.value;
  return (
    <p class="who">
      <Icon name="user" /> <strong>{subject}</strong> · {t().role[role] ?? role} · {sites.includes("*") ? t().settings.allSites : sites.join(", ")}
    </p>
  );
}

type Choices = "theme" | "zone" | "times";

function Choice({ name, title, options }: { name: Choices; title: string; options: Record<string, string> }) {
  return (
    <fieldset class="choice">
      <legend>{title}</legend>
      {Object.entries(options).map(([value, text]) => (
        <label key={value}>
          <input
            type="radio"
            name={name}
            checked={preferences.value[name] === value}
            onChange={() => prefer({ [name]: value } as Partial<Preferences>)}
          />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

function LanguageChoice() {
  const chosen = preferences.value.language;
  return (
    <fieldset class="choice">
      <legend>{t().settings.language}</legend>
      {[null, ...LANGUAGES].map((language) => (
        <label key={language}>
          <input type="radio" name="language" checked={chosen === language} onChange={() => prefer({ language })} />
          <span lang={language ?? undefined}>{language ? t().language[language] : t().settings.browser}</span>
        </label>
      ))}
    </fieldset>
  );
}
