// The charging sessions, and one of them.

import type { ViewProperties } from "../views";
import { SessionList } from "./list";
import { SessionPage } from "./session";

export default function SessionsView({ parameters: [id] }: ViewProperties) {
  return id ? <SessionPage id={id} /> : <SessionList />;
}
