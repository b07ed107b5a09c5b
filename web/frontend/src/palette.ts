/** Ctrl K: find a record, a page or an action, without the mouse. */
import { all, composing, debounce, icon, make, one, t } from "./dom";

interface Found { label: string; note?: string; url: string; icon?: string }

class Palette {
  private readonly input: HTMLInputElement;
  private readonly list: HTMLElement;
  private asked = 0;

  constructor(private readonly dialog: HTMLDialogElement) {
    this.input = one<HTMLInputElement>("input", dialog)!;
    this.list = one<HTMLElement>("[role=listbox]", dialog)!;
    const ask = debounce(120, () => void this.ask());
    this.input.addEventListener("input", ask);
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("click", (event) => this.go((event.target as Element).closest<HTMLElement>("[role=option]")));
  }

  open(): void {
    if (this.dialog.open) return;
    this.dialog.showModal();
    this.input.value = "";
    this.input.focus();
    void this.ask();
  }

  private async ask(): Promise<void> {
    const turn = ++this.asked;
    const answer = await fetch(`${this.dialog.dataset["search"]}?q=${encodeURIComponent(this.input.value.trim())}`, { headers: { Accept: "application/json" } }).catch(() => null);
    if (turn !== this.asked) return;
    const items: Found[] = answer?.ok ? ((await answer.json()) as { items: Found[] }).items : [];
    this.show(items, !answer?.ok);
  }

  private show(items: Found[], failed: boolean): void {
    const options = items.map((item, index) => {
      const row = make("div", { role: "option", id: `palette-${index}`, "aria-selected": String(index === 0), "data-url": item.url }, icon(item.icon ?? "file-text"), make("span", { cls: "cut" }, item.label));
      if (item.note) row.append(make("span", { cls: "end" }, item.note));
      return row;
    });
    const nothing = failed ? t("查询失败，请再试一次", "The search failed, try again") : t("没有找到", "Nothing found");
    this.list.replaceChildren(...(options.length ? options : [make("div", { cls: "menu-head", role: "option", "aria-disabled": "true", "aria-selected": "false" }, nothing)]));
    this.input.setAttribute("aria-activedescendant", options.length ? "palette-0" : "");
  }

  private key(event: KeyboardEvent): void {
    if (composing(event)) return;
    const options = all("[data-url]", this.list);
    const at = options.findIndex((o) => o.getAttribute("aria-selected") === "true");
    if (event.key === "Enter") { this.go(options[at] ?? null); event.preventDefault(); }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const next = options[(at + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length];
    options[at]?.setAttribute("aria-selected", "false");
    next?.setAttribute("aria-selected", "true");
    next?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", next?.id ?? "");
  }

  private go(option: HTMLElement | null): void {
    const url = option?.dataset["url"];
    if (url) location.assign(url);
  }
}

export function start(): void {
  const dialog = document.getElementById("palette");
  if (!(dialog instanceof HTMLDialogElement)) return;
  const palette = new Palette(dialog);
  document.addEventListener("click", (event) => { if ((event.target as Element).closest("[data-palette]")) palette.open(); });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); palette.open(); }
  });
}
