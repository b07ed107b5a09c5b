/** Warnings while somebody types: the server looks at the form as it stands and says what should be looked at. */
import { all, announce, csrf, debounce, icon, make, one } from "./dom";
import { editable, Line, type Column } from "./grid_cells";

interface Told { fields: Record<string, string>; lines: Record<string, Record<string, string>> }
const WAIT_MS = 350;

class Looks {
  private turn = 0;
  private said = "";
  private readonly ask = debounce(WAIT_MS, () => void this.look());

  constructor(private readonly form: HTMLFormElement) {
    form.addEventListener("change", () => this.ask());
    form.addEventListener("lines-changed", () => this.ask());
  }

  private async look(): Promise<void> {
    const turn = ++this.turn;
    const body = new URLSearchParams([...new FormData(this.form)].filter((pair): pair is [string, string] => typeof pair[1] === "string"));
    const answer = await fetch(this.form.dataset["look"]!, { method: "POST", body, headers: { Accept: "application/json", "X-CSRFToken": csrf() }, credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok || turn !== this.turn || !this.form.isConnected) return;
    this.show((await answer.json()) as Told);
  }

  private show(told: Told): void {
    for (const section of all("[data-lines][data-columns]", this.form)) this.lines(section, told.lines[section.dataset["lines"] ?? ""] ?? {});
    for (const box of all("[data-field-box]", this.form)) this.field(box, told.fields[box.dataset["fieldBox"] ?? ""] ?? "");
    const words = [...Object.values(told.fields), ...Object.values(told.lines).flatMap((each) => Object.values(each))].join(" ");
    if (words && words !== this.said) announce(words);
    this.said = words;
  }

  /** The server numbers lines as they were sent: without the empty ones. */
  private lines(section: HTMLElement, notes: Record<string, string>): void {
    const columns = (JSON.parse(section.dataset["columns"] ?? "[]") as Column[]).filter(editable);
    let number = 0;
    for (const row of all<HTMLTableRowElement>("tr[data-line]", section)) {
      const words = new Line(row, section.dataset["lines"] ?? "").blank(columns) ? "" : notes[String(number++)] ?? "";
      const hint = row.nextElementSibling?.matches(".line-hint") ? row.nextElementSibling : null;
      if (!words) hint?.remove();
      else if (hint) one("p", hint)!.textContent = words;
      else row.after(make("tr", { cls: "line-hint", role: "row" }, make("td", { role: "gridcell", colspan: String(row.cells.length) }, make("div", { cls: "line-hint-in" }, icon("alert-triangle"), make("p", {}, words)))));
    }
  }

  private field(box: HTMLElement, words: string): void {
    const hint = one(".hint", box);
    if (!hint || box.classList.contains("error") || (!words && !box.classList.contains("warn"))) return;
    box.classList.toggle("warn", words !== "");
    hint.textContent = words;
  }
}

export function setUp(root: ParentNode): void {
  for (const form of all<HTMLFormElement>("form[data-look]", root)) new Looks(form);
}
