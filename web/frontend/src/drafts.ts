/** What was typed and not saved yet: kept in this browser, offered again when the page is opened, dropped once it is saved. */
import { all, csrf, icon, make, one, t } from "./dom";

interface Kept { at: string; fields: [string, string][] }
const PREFIX = "draft:";
const SENT = "draft-sent";
const UNKEPT = new Set(["csrf_token", "_action", "_resolution"]);

const user = (): string => document.body.dataset["user"] ?? "";
const key = (): string => `${PREFIX}${user()}:${location.pathname}`;

function read(): Kept | null {
  try {
    return JSON.parse(localStorage.getItem(key()) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}

/** Keeps the form as it is; the moment as it is shown, or null where the browser keeps nothing. */
export function keepDraft(form: HTMLFormElement): string | null {
  const fields = [...new FormData(form)].filter((pair): pair is [string, string] => typeof pair[1] === "string" && !UNKEPT.has(pair[0]));
  const at = new Date().toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false });
  try {
    localStorage.setItem(key(), JSON.stringify({ at, fields } satisfies Kept));
    return at;
  } catch {
    return null;
  }
}

/** The form is on its way: the next page says whether it arrived. */
export function sent(): void {
  sessionStorage.setItem(SENT, key());
}

const refused = (): boolean => Boolean(one("[data-error-summary], [data-conflict]"));

function again(form: HTMLFormElement, kept: Kept): void {
  const hidden = (name: string, value: string): HTMLInputElement => make("input", { type: "hidden", name, value });
  const copy = make("form", { method: "post", action: form.getAttribute("action") ?? "", hidden: true }, ...kept.fields.map(([name, value]) => hidden(name, value)), hidden("csrf_token", csrf()), hidden("_action", "show"));
  document.body.append(copy);
  copy.submit();
}

/** Offers what was left behind on an earlier visit. */
export function offer(form: HTMLFormElement): void {
  const arrived = sessionStorage.getItem(SENT);
  if (arrived && !refused()) localStorage.removeItem(arrived);
  sessionStorage.removeItem(SENT);
  const kept = read();
  if (!kept || refused() || form.hasAttribute("data-dirty")) return;
  const back = make("button", { cls: "btn suggest small", type: "button" }, t("接着填", "Go on with it"));
  const drop = make("button", { cls: "btn weak small", type: "button" }, t("丢弃", "Discard"));
  const box = make("div", { cls: "notice accent", role: "status" }, icon("history"), make("div", { cls: "grow" }, make("p", {}, t(`上次有没保存的内容（${kept.at}）。`, `Something was left unsaved here (${kept.at}).`))), make("div", { cls: "row" }, drop, back));
  back.addEventListener("click", () => again(form, kept));
  drop.addEventListener("click", () => { localStorage.removeItem(key()); box.remove(); });
  form.before(box);
}

/** Nothing typed stays behind on a shared machine after logging out. */
export function start(): void {
  document.addEventListener("submit", (event) => {
    if (!(event.target as HTMLFormElement).getAttribute("action")?.endsWith("/logout")) return;
    for (const name of Object.keys(localStorage)) if (name.startsWith(PREFIX)) localStorage.removeItem(name);
  });
}

export const isDirty = (form: HTMLFormElement): boolean => form.hasAttribute("data-dirty") || all("[data-conflict]").length > 0;
