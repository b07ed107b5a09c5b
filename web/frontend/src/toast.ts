/** Toasts: bottom right, five seconds, with the next step; what failed stays until it is closed. */
import { all, icon, make, one, t } from "./dom";

const ICONS: Record<string, string> = { done: "circle-check", info: "info-circle", failed: "alert-circle", removed: "trash" };
const SHOWN_MS = 5000;

export interface Step { label: string; url?: string; key?: string; run?: () => void }

export function toast(kind: string, text: string, step?: Step): HTMLElement {
  const box = make("div", { cls: `toast ${kind}`, role: kind === "failed" ? "alert" : "status" }, icon(ICONS[kind] ?? "info-circle"), make("span", { cls: "grow" }, text));
  const close = (): void => box.remove();
  if (step?.url) box.append(make("a", { href: step.url, cls: "link" }, step.label));
  else if (step) {
    const button = make("button", { type: "button", cls: "link" }, step.label);
    button.addEventListener("click", () => { close(); step.run?.(); });
    box.append(button);
  }
  if (step?.key) box.append(make("kbd", {}, step.key));
  if (kind === "failed") {
    const button = make("button", { type: "button", cls: "btn weak only small", "aria-label": t("关闭", "Close") }, icon("x"));
    button.addEventListener("click", close);
    box.append(button);
  }
  one("#toasts")?.append(box);
  if (kind !== "failed") stayWhileRead(box, close);
  return box;
}

/** The clock stands while the pointer or the focus is on the toast. */
function stayWhileRead(box: HTMLElement, close: () => void): void {
  let timer = window.setTimeout(close, SHOWN_MS);
  const hold = (): void => window.clearTimeout(timer);
  const go = (): void => { hold(); timer = window.setTimeout(close, SHOWN_MS); };
  box.addEventListener("pointerenter", hold);
  box.addEventListener("pointerleave", go);
  box.addEventListener("focusin", hold);
  box.addEventListener("focusout", go);
}

/** Shows the toasts that came with the page. */
export function arrived(root: ParentNode): void {
  for (const sent of all<HTMLTemplateElement>("template[data-toast]", root)) {
    const { toast: kind = "info", text = "", url, action } = sent.dataset;
    toast(kind, text, url ? { label: action ?? t("打开", "Open"), url } : undefined);
    sent.remove();
  }
}
