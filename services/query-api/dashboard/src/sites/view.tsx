// The sites and their log levels, and one of them.

import type { ViewProperties } from "../views";
import { SiteList } from "./list";
import { SitePage } from "./site";

export default function SitesView({ parameters: [id] }: ViewProperties) {
  return id ? <SitePage id={id} /> : <SiteList />;
}
