/** Starts everything once, and sets up each part of the page again when htmx brings it. */
import "./styles/main.css";
import * as camera from "./camera";
import * as charts from "./charts";
import * as drop from "./drop";
import * as fields from "./fields";
import * as form from "./form";
import * as grid from "./grid";
import * as keys from "./keys";
import * as list from "./list";
import * as live from "./live";
import * as looks from "./looks";
import * as mention from "./mention";
import * as neighbours from "./neighbours";
import * as overlays from "./overlays";
import * as palette from "./palette";
import * as preferences from "./preferences";
import * as print from "./print";
import * as push from "./push";
import * as requests from "./requests";
import * as station from "./station";
import { arrived } from "./toast";
import * as tour from "./tour";
import * as whatIf from "./what_if";

const PARTS: { setUp: (root: ParentNode) => void }[] = [overlays, fields, camera, form, grid, looks, mention, drop, tour, list, neighbours, charts, push, station, whatIf];

function setUp(root: ParentNode): void {
  for (const part of PARTS) part.setUp(root);
}

PARTS.push({ setUp: live.starter(setUp) });
for (const part of [overlays, preferences, print, palette, list, neighbours, form, keys, live]) part.start();
requests.start(setUp);
setUp(document);
arrived(document);
