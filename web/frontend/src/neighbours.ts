/** The previous and next record of the list one came from, in the order the list had. */
import { all, each, one, typing } from "./dom";

interface Kept { href: string; ids: string[] }
const PREFIX = "list:";

function rememberList(table: HTMLElement): void {
  const ids = all("tbody tr[data-id]", table).map((row) => row.dataset["id"] ?? "");
  sessionStorage.setItem(PREFIX + location.pathname, JSON.stringify({ href: location.href, ids } satisfies Kept));
}

function point(box: HTMLElement): void {
  const list = box.dataset["neighbours"] ?? "", id = box.dataset["id"] ?? "";
  const kept = JSON.parse(sessionStorage.getItem(PREFIX + list) ?? "null") as Kept | null;
  const at = kept?.ids.indexOf(id) ?? -1;
  if (!kept || at < 0) return;
  const crumb = one<HTMLAnchorElement>(".crumb a");
  if (crumb) crumb.href = kept.href;
  for (const [link, other] of [[one<HTMLAnchorElement>("[data-prev]", box), kept.ids[at - 1]], [one<HTMLAnchorElement>("[data-next]", box), kept.ids[at + 1]]] as const) {
    if (!link) continue;
    if (other) link.href = `${list}/${other}`;
    else { link.removeAttribute("href"); link.setAttribute("aria-disabled", "true"); }
  }
  box.hidden = false;
}

export function setUp(root: ParentNode): void {
  each(root, "#records[data-list]", rememberList);
  each(root, "[data-neighbours]", point);
}

export function start(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing() || one("dialog[open], .menu:popover-open")) return;
    const wanted = event.key === "j" ? "[data-next][href]" : event.key === "k" ? "[data-prev][href]" : "";
    const link = wanted && one<HTMLAnchorElement>(`[data-neighbours]:not([hidden]) ${wanted}`);
    if (link) { event.preventDefault(); link.click(); }
  });
}
