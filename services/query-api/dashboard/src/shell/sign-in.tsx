// Signing in: with the authority where one is configured, else with a token. Afterwards one is where one was.

import { useEffect, useRef, useState } from "preact/hooks";

import { config, loadConfig } from "../core/config";
import { CALLBACK, begin, finish, SignInFailed } from "../core/oidc";
import { go, place } from "../core/router";
import { signIn, why } from "../core/session";
import { t } from "../i18n";
import { Icon } from "../ui/icons";
import { Skeleton } from "../ui/states";

export function SignIn() {
  const [failure, setFailure] = useState("");
  const [known, setKnown] = useState(config.value !== null);
  const returning = place.value.path === CALLBACK && place.value.query.has("state") && !failure;
  const fail = (error: unknown) => {
    const { elsewhere, unreachable } = t().signIn;
    const reason = error instanceof SignInFailed ? error.message : String(error);
    setFailure(t().signIn.failed(({ elsewhere, unreachable } as Record<string, string>)[reason] ?? reason));
  };
  useEffect(() => {
    void loadConfig().then(({ oidc }) => {
      setKnown(true);
      if (place.value.path !== CALLBACK) return;
      if (!oidc || !place.value.query.has("state")) return go("/", { replace: true });
      const query = place.value.query;
      // The code is of no use any more: it leaves the address bar before anything else.
      history.replaceState(null, "", CALLBACK);
      finish(oidc, query).then(({ token, back }) => (signIn(token), go(back, { replace: true })), fail);
    });
  }, []);
  const oidc = config.value?.oidc ?? null;
  const leave = () => {
    const back = place.value.path === CALLBACK ? "/" : location.pathname + location.search;
    if (oidc) begin(oidc, back).catch(fail);
  };
  const reason = why.value === "none" && oidc ? t().signIn.noneOidc : t().signIn[why.value];
  return (
    <main id="content" class="sign-in" tabIndex={-1}>
      <div class="sign-in-card">
        <p class="brand">
          <img src="/static/icon.svg" alt="" width="32" height="32" />
          <span>ocpplog</span>
        </p>
        <h1>{t().signIn.title}</h1>
        {failure ? (
          <p role="alert" class="bad-text">
            {failure}
          </p>
        ) : (
          <p role="status">{returning ? t().signIn.working : reason}</p>
        )}
        {!known && <Skeleton lines={1} />}
        {known && oidc && !returning && (
          <>
            <button type="button" class="button primary wide" onClick={leave}>
              {t().signIn.oidc} <Icon name="right" />
            </button>
            <details>
              <summary>{t().signIn.useToken}</summary>
              <TokenForm />
            </details>
          </>
        )}
        {known && !oidc && <TokenForm focus />}
      </div>
    </main>
  );
}

function TokenForm({ focus = false }: { focus?: boolean }) {
  const [text, setText] = useState("");
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (focus) input.current?.focus();
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    if (!text.trim()) return;
    signIn(text);
    if (place.value.path === CALLBACK) go("/", { replace: true });
  };
  return (
    <form class="token-form" onSubmit={submit}>
      <label>
        {t().signIn.token}
        <input
          type="password"
          name="token"
          autocomplete="off"
          spellcheck={false}
          required
          ref={input}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button primary">
        {t().signIn.submit}
      </button>
    </form>
  );
}
