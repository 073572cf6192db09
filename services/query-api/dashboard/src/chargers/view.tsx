// The chargers, and one of them.

import type { ViewProperties } from "../views";
import { ChargerPage } from "./charger";
import { ChargerList } from "./list";

export default function ChargersView({ parameters: [id] }: ViewProperties) {
  return id ? <ChargerPage id={id} /> : <ChargerList />;
}
