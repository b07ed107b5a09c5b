/** Menus, dialogs, tab panes, the side bar and the panel of a phone or a narrow window. */
import { all, csrf, each, make, one, place } from "./dom";

export function openDialog(id: string): void {
  const dialog = document.getElementById(id);
  if (dialog instanceof HTMLDialogElement && !dialog.open) {
    dialog.showModal();
    one<HTMLElement>("input:not([type=hidden]), textarea, select", dialog)?.focus();
  }
}

function anchorOf(menu: HTMLElement): Element | null {
  return one(`[popovertarget="${CSS.escape(menu.id)}"][aria-expanded="true"]`) ?? one(`[popovertarget="${CSS.escape(menu.id)}"]`);
}

function menuKeys(menu: HTMLElement, event: KeyboardEvent): void {
  const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
  const step = steps[event.key];
  if (!step || (event.target instanceof HTMLElement && event.target.matches("[data-move]"))) return;
  const stops = all<HTMLElement>("a, button:not([disabled]), input:not([disabled])", menu).filter((x) => x.offsetParent !== null && !x.matches("[data-move]"));
  const at = stops.indexOf(document.activeElement as HTMLElement);
  stops[(at + step + stops.length) % stops.length]?.focus();
  event.preventDefault();
}

function setUpMenu(menu: HTMLElement): void {
  menu.addEventListener("beforetoggle", (event) => {
    const opens = (event as ToggleEvent).newState === "open";
    for (const opener of all(`[popovertarget="${CSS.escape(menu.id)}"]`)) opener.setAttribute("aria-expanded", String(opens));
  });
  menu.addEventListener("toggle", (event) => {
    if ((event as ToggleEvent).newState !== "open") return;
    const anchor = anchorOf(menu);
    if (anchor) place(menu, anchor, anchor.getBoundingClientRect().left > window.innerWidth / 2);
    one<HTMLElement>("input, a, button", menu)?.focus({ preventScroll: true });
  });
  menu.addEventListener("keydown", (event) => menuKeys(menu, event));
  menu.addEventListener("click", (event) => {
    if ((event.target as Element).closest("[data-dialog], [data-theme-set], [data-density-set]")) menu.hidePopover();
  });
}

function choosePane(tab: HTMLElement): void {
  const list = tab.closest("[role=tablist]");
  for (const other of all("[role=tab]", list ?? document)) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    const pane = document.getElementById(other.getAttribute("aria-controls") ?? "");
    if (pane) pane.hidden = !chosen;
  }
}

function setUpPanes(list: HTMLElement): void {
  list.addEventListener("click", (event) => {
    const tab = (event.target as Element).closest<HTMLElement>("[role=tab]");
    if (tab) choosePane(tab);
  });
  list.addEventListener("keydown", (event) => {
    const tabs = all("[role=tab]", list);
    const at = tabs.indexOf(event.target as HTMLElement);
    const steps: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
    const next = steps[event.key];
    if (at < 0 || next === undefined) return;
    const tab = tabs[(next + tabs.length) % tabs.length]!;
    choosePane(tab);
    tab.focus();
    event.preventDefault();
  });
}

export function setUp(root: ParentNode): void {
  each(root, ".menu[popover]", setUpMenu);
  each(root, "[data-panes]", setUpPanes);
}

/** Listeners on the document: opening and closing by attribute. */
/** A menu entry that changes something: posts its address with the token and follows the answer. */
function send(url: string): void {
  const form = make("form", { method: "post", action: url, hidden: true }, make("input", { type: "hidden", name: "csrf_token", value: csrf() }));
  document.body.append(form);
  form.submit();
}

export function start(): void {
  document.addEventListener("click", (event) => {
    const poster = (event.target as Element).closest<HTMLElement>("[data-post]:not(.drop-zone)");
    if (poster?.dataset["post"]) { event.preventDefault(); send(poster.dataset["post"]); }
  });
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const opener = target.closest<HTMLElement>("[data-dialog]");
    if (opener) openDialog(opener.dataset["dialog"] ?? "");
    if (target.closest("[data-close]")) target.closest("dialog")?.close();
    if (target instanceof HTMLDialogElement && !target.matches("[data-stays]") && outside(target, event)) target.close();
    if (target.closest("[data-side-open]")) openSide();
    const panel = target.closest<HTMLElement>("[data-panel]");
    if (panel) panel.setAttribute("aria-expanded", String(one(".split")?.classList.toggle("panel-open") ?? false));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") one(".split.panel-open")?.classList.remove("panel-open");
  });
}

function outside(dialog: HTMLDialogElement, event: MouseEvent): boolean {
  const r = dialog.getBoundingClientRect();
  return event.clientX < r.left || event.clientX > r.right || event.clientY < r.top || event.clientY > r.bottom;
}

function openSide(): void {
  const side = one("#side");
  if (!side) return;
  side.classList.add("open");
  one<HTMLElement>("a, button", side)?.focus();
  const close = (event: Event): void => {
    const away = event instanceof KeyboardEvent ? event.key === "Escape" : !side.contains(event.target as Node);
    if (!away) return;
    side.classList.remove("open");
    document.removeEventListener("click", close);
    document.removeEventListener("keydown", close);
  };
  window.setTimeout(() => { document.addEventListener("click", close); document.addEventListener("keydown", close); });
}
