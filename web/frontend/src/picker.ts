/** Choosing a record while typing: by code, name, pinyin initials or bar code; Enter picks. */
import { all, announce, composing, debounce, icon, make, place, t } from "./dom";

export interface Fact { text: string; tone?: string }
export interface Item {
  id: number | string; code?: string; name: string; facts?: (string | Fact)[];
  fills?: Record<string, string>; fill_texts?: Record<string, string>; data?: Record<string, string>;
}
interface Answer { items: Item[]; note?: string }
export type Source = (query: string, full: boolean) => Promise<Answer>;

export interface PickerHost {
  source: Source;
  picked: (item: Item) => void;
  /** Words that match nothing may be kept where the reference makes new records. */
  create?: string | undefined;
  /** What Enter does after picking, shown at the foot. */
  footnote?: string;
}

/** Asks the page endpoint; the form's other fields go along because they may narrow the choice. */
export function remote(url: string, field: string, context: () => Record<string, string>): Source {
  return async (query, full) => {
    const address = new URL(url, location.href);
    address.searchParams.set("q", query);
    if (!address.searchParams.has("for")) address.searchParams.set("for", field);
    if (full) address.searchParams.set("full", "1");
    for (const [name, value] of Object.entries(context())) if (value) address.searchParams.set(`in.${name}`, value);
    const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    return (await answer.json()) as Answer;
  };
}

let counter = 0;

function option(item: Item, id: string): HTMLElement {
  const row = make("div", { role: "option", id, "aria-selected": "false" }, make("span", {}, item.name));
  if (item.code) row.append(make("span", { cls: "code" }, item.code));
  if (item.facts?.length) {
    row.append(make("span", { cls: "pick-facts" }, ...item.facts.map((fact) => (typeof fact === "string" ? make("span", {}, fact) : make("span", { cls: fact.tone ?? "" }, fact.text)))));
  }
  return row;
}

export class Picker {
  private readonly box: HTMLElement;
  private readonly list: HTMLElement;
  private readonly note: HTMLElement;
  private items: Item[] = [];
  private at = 0;
  private turn = 0;
  private asking: Promise<void> = Promise.resolve();
  readonly search = debounce(110, () => { this.asking = this.ask(this.input.value); });

  constructor(readonly input: HTMLInputElement, private readonly host: PickerHost) {
    const id = `picker-${++counter}`;
    this.list = make("div", { role: "listbox", cls: "picker-list", id, "aria-label": t("可选", "Choices") });
    this.note = make("div", { cls: "picker-note" });
    const foot = make("div", { cls: "picker-foot" }, make("span", {}, make("kbd", {}, "Enter"), ` ${host.footnote ?? t("选中", "choose")}`), make("span", {}, make("kbd", {}, "F4"), ` ${t("打开全表", "full list")}`));
    this.box = make("div", { cls: "picker", popover: "manual" }, this.note, this.list, foot);
    (input.closest("dialog") ?? document.body).append(this.box);
    input.setAttribute("aria-controls", id);
    this.box.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const row = (event.target as Element).closest<HTMLElement>("[role=option]");
      if (row) this.pick(all("[role=option]", this.list).indexOf(row));
    });
  }

  get open(): boolean { return this.box.matches(":popover-open"); }

  show(query = this.input.value): void { this.asking = this.ask(query); }

  close(): void {
    this.turn++;
    if (this.open) this.box.hidePopover();
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  remove(): void { this.close(); this.box.remove(); }

  private async ask(query: string): Promise<void> {
    const turn = ++this.turn;
    try {
      const answer = await this.host.source(query.trim(), false);
      if (turn === this.turn) this.fill(answer, query.trim());
    } catch {
      if (turn === this.turn) this.fill({ items: [], note: t("没取到，请再试一次", "Could not load, try again") }, "");
    }
  }

  private fill(answer: Answer, query: string): void {
    this.items = answer.items;
    this.at = 0;
    const rows = answer.items.map((item, index) => option(item, `${this.list.id}-${index}`));
    if (!rows.length && query && this.host.create) rows.push(make("div", { role: "option", id: `${this.list.id}-0`, "aria-selected": "true" }, icon("plus", "icon-s"), `${this.host.create}“${query}”`));
    this.note.textContent = answer.note ?? (rows.length ? "" : t("没有匹配的", "No match"));
    this.note.hidden = !this.note.textContent;
    this.list.replaceChildren(...rows);
    if (!this.open) this.box.showPopover();
    place(this.box, this.input.closest(".control, td") ?? this.input);
    this.input.setAttribute("aria-expanded", "true");
    this.mark();
    announce(rows.length ? t(`${rows.length} 条`, `${rows.length} choices`) : this.note.textContent);
  }

  private mark(): void {
    all("[role=option]", this.list).forEach((row, index) => {
      row.setAttribute("aria-selected", String(index === this.at));
      if (index === this.at) { row.scrollIntoView({ block: "nearest" }); this.input.setAttribute("aria-activedescendant", row.id); }
    });
  }

  private pick(index: number): boolean {
    const item = this.items[index];
    this.close();
    if (!item) return false;
    this.host.picked(item);
    return true;
  }

  /** Waits for the answer under way, then picks the marked item; false when there is none. */
  async choose(): Promise<boolean> {
    await this.asking;
    if (this.open && this.items.length) return this.pick(this.at);
    this.close();
    return false;
  }

  /** Handles the keys of the list; true when the key was used up. Enter and Tab stay with the owner, who calls `choose`. */
  key(event: KeyboardEvent): boolean {
    if (composing(event)) return false;
    if (event.key === "F4") { void this.full(); return true; }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!this.open) { if (event.altKey || event.key === "ArrowDown") { this.show(""); return true; } return false; }
      const count = Math.max(1, this.items.length);
      this.at = (this.at + (event.key === "ArrowDown" ? 1 : -1) + count) % count;
      this.mark();
      return true;
    }
    if (event.key === "Escape" && this.open) { this.close(); return true; }
    return false;
  }

  /** F4: the whole list in a dialog with a search of its own. */
  async full(): Promise<void> {
    this.close();
    const dialog = make("dialog", { cls: "dialog wide", "aria-label": t("选择", "Choose") });
    const query = make("input", { type: "search", "aria-label": t("搜索", "Search"), value: this.input.value, autocomplete: "off" });
    const list = make("div", { cls: "picker picker-full", role: "listbox", "aria-label": t("可选", "Choices"), tabindex: "-1" });
    dialog.append(make("div", { cls: "control" }, icon("search"), query), list);
    document.body.append(dialog);
    let items: Item[] = [], at = 0, turn = 0;
    const mark = (): void => all("[role=option]", list).forEach((row, i) => { row.setAttribute("aria-selected", String(i === at)); if (i === at) row.scrollIntoView({ block: "nearest" }); });
    const load = async (): Promise<void> => {
      const mine = ++turn;
      const answer = await this.host.source(query.value.trim(), true).catch(() => ({ items: [] as Item[] }));
      if (mine !== turn) return;
      items = answer.items;
      at = 0;
      list.replaceChildren(...items.map((item, index) => option(item, `${this.list.id}-full-${index}`)));
      mark();
    };
    const take = (index: number): void => { const item = items[index]; dialog.close(); if (item) this.host.picked(item); };
    query.addEventListener("input", debounce(120, () => void load()));
    query.addEventListener("keydown", (event) => {
      if (composing(event)) return;
      if (event.key === "Enter") { event.preventDefault(); take(at); }
      if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); at = Math.max(0, Math.min(items.length - 1, at + (event.key === "ArrowDown" ? 1 : -1))); mark(); }
    });
    list.addEventListener("click", (event) => { const row = (event.target as Element).closest<HTMLElement>("[role=option]"); if (row) take(all("[role=option]", list).indexOf(row)); });
    dialog.addEventListener("close", () => { dialog.remove(); this.input.focus(); });
    dialog.showModal();
    query.select();
    await load();
  }
}

/** Every plain field of the form, so that the server can narrow the choice. */
export function formContext(form: HTMLFormElement | null): Record<string, string> {
  const values: Record<string, string> = {};
  if (!form) return values;
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" && !/-\d+-|__text$|^csrf_token$|^version$/.test(name)) values[name] = value;
  }
  return values;
}

export const exact = (items: Item[], text: string): Item | undefined => items.find((i) => i.code === text) ?? items.find((i) => i.name === text) ?? (items.length === 1 ? items[0] : undefined);
