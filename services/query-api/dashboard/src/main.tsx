// The dashboard: begins here.

import "./styles/index.css";

import { effect } from "@preact/signals";
import { render } from "preact";

import { dark } from "./core/preferences";
import { takeTokenFromLink } from "./core/session";
import { followLanguage } from "./i18n";
import { App } from "./shell/app";

takeTokenFromLink();
effect(() => {
  document.documentElement.dataset.theme = dark.value ? "dark" : "light";
});
await followLanguage();
render(<App />, document.getElementById("app")!);
