/** A spreadsheet dropped on a list (or on the import page) is looked at at once: the file is sent as the page's form sends it. */
import { csrf, each, make, t } from "./dom";

const SHEETS = /\.(csv|xlsx|xlsm|xls|ods|txt|gz)$/i;

function carries(event: DragEvent): boolean {
  return Array.from(event.dataTransfer?.types ?? []).includes("Files");
}

/** Sends the file as the import page would; a list knows only the address. */
function send(file: File, address: string): void {
  const carrier = new DataTransfer();
  carrier.items.add(file);
  const input = make("input", { type: "file", name: "file" });
  input.files = carrier.files;
  const hidden = (name: string, value: string): HTMLInputElement => make("input", { type: "hidden", name, value });
  const form = make("form", { method: "post", enctype: "multipart/form-data", action: address, hidden: true }, hidden("csrf_token", csrf()), hidden("action", "look"), input);
  document.body.append(form);
  form.submit();
}

function sheetOf(event: DragEvent): File | undefined {
  return Array.from(event.dataTransfer?.files ?? []).find((file) => SHEETS.test(file.name));
}

/** The whole list takes the file; a sheet over the page says so while it is held above. */
function onList(place: HTMLElement): void {
  let above = 0;
  let sign: HTMLElement | null = null;
  const leave = (): void => {
    above = 0;
    sign?.remove();
    sign = null;
  };
  place.addEventListener("dragenter", (event) => {
    if (!carries(event)) return;
    above += 1;
    if (sign) return;
    sign = make("div", { cls: "drop-here" }, t("放开就看一看，什么都不会写入", "Let go to look at it; nothing is written"));
    document.body.append(sign);
  });
  place.addEventListener("dragleave", (event) => {
    if (carries(event) && (above -= 1) <= 0) leave();
  });
  place.addEventListener("dragover", (event) => {
    if (carries(event)) event.preventDefault();
  });
  place.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    leave();
    const file = sheetOf(event);
    if (file) send(file, place.dataset["dropTo"] ?? "");
  });
}

/** The field of the import page: a file dropped on it is chosen, and what is chosen is looked at without a further press. */
function onField(place: HTMLElement): void {
  const input = place.querySelector<HTMLInputElement>("input[type=file]");
  if (!input) return;
  place.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    const file = carries(event) ? sheetOf(event) : undefined;
    place.classList.remove("over");
    if (!file) return;
    event.preventDefault();
    const carrier = new DataTransfer();
    carrier.items.add(file);
    input.files = carrier.files;
    input.form?.requestSubmit();
  });
}

export function setUp(root: ParentNode): void {
  each(root, "[data-drop-to]", onList);
  each(root, "[data-drop]", onField);
}
