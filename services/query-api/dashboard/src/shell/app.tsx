// The frame around the views: navigation, sign-in, help.

import { Component, type ComponentChildren, type ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { loadConfig, loadMe } from "../core/config";
import { useKeys } from "../core/keyboard";
import { CALLBACK } from "../core/oidc";
import { go, place } from "../core/router";
import { token } from "../core/session";
import { t } from "../i18n";
import { Icon } from "../ui/icons";
import { Link } from "../ui/link";
import { Skeleton } from "../ui/states";
import { Toast } from "../ui/toast";
import { type ViewProperties, VIEWS, viewAt } from "../views";
import { Header } from "./header";
import { Help, helpShown } from "./help";
import { SignIn } from "./sign-in";


export function App() {
  const inside = token.value !== null && place.value.path !== CALLBACK;
  useKeys({ "?": () => (helpShown.value = true) });
  useEffect(() => {
    if (!inside) return;
    void loadConfig();
    void loadMe();
  }, [inside, token.value]);
  return (
    <>
      <a class="skip" href="#content">
        {t().nav.skip}
      </a>
      {inside ? <Inside /> : <SignIn />}
      {helpShown.value && <Help close={() => (helpShown.value = false)} />}
      <Toast />
    </>
  );
}

function Inside() {
  const main = useRef<HTMLElement>(null);
  const { path } = place.value;
  const shown = useRef(path);
  // Whoever goes elsewhere begins there: a reader that speaks too, and the next Tab.
  useEffect(() => {
    if (shown.current !== path && !main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true });
    shown.current = path;
  }, [path]);
  return (
    <>
      <Header />
      <main id="content" tabIndex={-1} ref={main}>
        <Guard key={place.value.path}>
          <Current />
        </Guard>
      </main>
    </>
  );
}

/** What a tab is called: an id first, where people know it. Those of sessions say nothing to anybody. */
function titleOf(found: ReturnType<typeof viewAt>): string {
  if (!found) return `${t().common.notFound} · ocpplog`;
  const { name } = found.view;
  const id = name === "sessions" ? "" : found.parameters[0];
  return [id, t().nav[name], "ocpplog"].filter(Boolean).join(" · ");
}

const loaded = new Map<string, ComponentType<ViewProperties>>();

/** The view at this address; its code is loaded when it is first needed. */
function Current() {
  const found = viewAt(place.value.path);
  const name = found?.view.name;
  const [, redraw] = useState(0);
  const [problem, setProblem] = useState<unknown>(null);
  useEffect(() => {
    setProblem(null);
    if (found && !loaded.has(found.view.name)) {
      found.view.load().then((module) => (loaded.set(found.view.name, module.default), redraw((n) => n + 1)), setProblem);
    }
  }, [name]);
  useEffect(() => {
    document.title = titleOf(found);
  });
  if (!found) return <NowhereToBe />;
  // A tab that was open while the server was updated asks for code that is no more: the page knows the new one.
  if (problem) return <Broken hint={t().common.brokenHint} again={() => location.reload()} />;
  const View = loaded.get(found.view.name);
  return View ? <View parameters={found.parameters} /> : <Skeleton lines={8} />;
}

function NowhereToBe() {
  return (
    <div class="nowhere">
      <h1>{t().common.notFound}</h1>
      <p class="path wrap">{place.value.path}</p>
      <p>{t().common.notFoundHint}</p>
      <nav class="ways" aria-label={t().common.notFoundHint}>
        {VIEWS.map(({ name, icon, path }) => (
          <Link key={name} to={path} class={name === "log" ? "button primary" : "button"}>
            <Icon name={icon} /> {t().nav[name]}
          </Link>
        ))}
      </nav>
    </div>
  );
}

/** A view that breaks says so, and leaves the rest of the page alive. */
class Guard extends Component<{ children: ComponentChildren }, { error: unknown }> {
  override state = { error: null as unknown };

  static override getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (!this.state.error) return <>{this.props.children}</>;
    return <Broken hint={String(this.state.error)} again={() => (go("/"), location.reload())} />;
  }
}

function Broken({ hint, again }: { hint: string; again: () => void }) {
  return (
    <div role="alert" class="state bad">
      <Icon name="warning" size={32} />
      <h1>{t().common.broken}</h1>
      <p>{hint}</p>
      <div class="state-actions">
        <button type="button" class="button primary" onClick={again}>
          {t().common.reload}
        </button>
      </div>
    </div>
  );
}
