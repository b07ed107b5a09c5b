/** What single fields do beyond the browser's own: figures, dates, references, files, signatures, scans, places. */
import { all, announce, composing, each, icon, make, one, post, t } from "./dom";
import { readDate } from "./dates";
import { grouped, places, plain } from "./numbers";
import { formContext, Picker, remote, type Item } from "./picker";
import { toast } from "./toast";

const changed = (element: Element): boolean => element.dispatchEvent(new Event("change", { bubbles: true }));

/** A sentence under the field; "" takes it away. */
export function complain(input: Element, sentence: string): void {
  const box = input.closest(".field"), hint = box && one(".hint", box);
  if (!box || !hint) return;
  if (sentence) hint.dataset["before"] ??= hint.textContent ?? "";
  box.classList.toggle("error", sentence !== "");
  input.toggleAttribute("aria-invalid", sentence !== "");
  if (sentence) { input.setAttribute("aria-invalid", "true"); input.setAttribute("aria-describedby", hint.id); announce(sentence); }
  hint.textContent = sentence || (hint.dataset["before"] ?? "");
}

/** Puts a value into a field of the form, whatever its kind; texts are for the eye. */
export function setField(form: ParentNode, name: string, value: string, text?: string): void {
  const words = one<HTMLInputElement>(`[name="${CSS.escape(`${name}__text`)}"]`, form);
  const field = all<HTMLInputElement | HTMLSelectElement>(`[name="${CSS.escape(name)}"]`, form).at(-1);
  if (words) words.value = text ?? value;
  if (!field) {
    const shown = one(`[data-field="${CSS.escape(name)}"]`, form);
    if (shown) shown.textContent = text ?? value;
    return;
  }
  if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = value === "1" || value === "true";
  else field.value = field.matches("[data-number]") ? grouped(value) : value;
  changed(field);
}

function setUpNumber(element: HTMLElement): void {
  const input = element as HTMLInputElement;
  const scale = Number(input.dataset["scale"] ?? "6");
  const check = (): void => {
    const number = plain(input.value);
    if (number === null) return complain(input, t("这里要填数字", "This must be a number"));
    if (number && places(number) > scale) return complain(input, t(`最多 ${scale} 位小数`, `At most ${scale} decimals`));
    complain(input, "");
    input.value = grouped(number);
  };
  const first = plain(input.value);
  if (first) input.value = grouped(first, first.includes(".") ? places(first) : 0);
  input.addEventListener("focus", () => { const number = plain(input.value); if (number !== null) input.value = number; input.select(); });
  input.addEventListener("blur", check);
}

/** A date is typed short or taken from the calendar; it always reads 2026-02-07. */
function setUpDate(element: HTMLElement): void {
  const input = element as HTMLInputElement;
  const control = input.closest(".control");
  if (!control || window.matchMedia("(pointer: coarse)").matches) return;
  const value = input.value, { min, max } = input;
  const native = make("input", { type: "date", cls: "native-date", tabindex: "-1", "aria-hidden": "true" });
  native.min = min;
  native.max = max;
  input.type = "text";
  input.inputMode = "numeric";
  input.value = value;
  input.placeholder ||= t("年-月-日", "yyyy-mm-dd");
  const opener = make("button", { type: "button", cls: "side-key", tabindex: "-1", "aria-label": t("打开日历", "Open calendar") }, icon("calendar"));
  one(":scope > svg.icon:last-child", control)?.remove();
  control.append(native, opener);
  opener.addEventListener("click", () => { native.value = readDate(input.value) ?? ""; native.showPicker(); });
  native.addEventListener("change", () => { input.value = native.value; changed(input); input.focus(); });
  const settle = (): void => {
    const date = readDate(input.value);
    if (date === null) return complain(input, t("认不出这个日期，写成 2-7 或 2026-02-07", "Not a date: write 2-7 or 2026-02-07"));
    if (input.value !== date) { input.value = date; changed(input); }
    if (date && min && date < min) return complain(input, t(`不能早于 ${min}`, `Not before ${min}`));
    if (date && max && date > max) return complain(input, t(`不能晚于 ${max}`, `Not after ${max}`));
    if (input.closest(".field")?.classList.contains("error")) complain(input, "");
  };
  input.addEventListener("blur", settle);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") settle();
    if (event.key === "ArrowDown" && event.altKey) { opener.click(); event.preventDefault(); }
  });
}

class ReferenceField {
  private readonly input: HTMLInputElement;
  private readonly hidden: HTMLInputElement | null;
  private readonly many: string;
  private readonly picker: Picker;
  private settled: string;

  constructor(private readonly control: HTMLElement) {
    this.input = one<HTMLInputElement>("input[role=combobox]", control)!;
    this.hidden = one<HTMLInputElement>(":scope > input[type=hidden]", control);
    this.many = control.dataset["many"] ?? "";
    this.settled = this.input.value;
    const field = this.many || (this.hidden?.name ?? "");
    this.picker = new Picker(this.input, {
      source: remote(control.dataset["picker"] ?? "", field, () => formContext(control.closest("form"))),
      picked: (item) => this.take(item), create: control.dataset["create"],
    });
    this.input.addEventListener("input", (event) => { if (!(event as InputEvent).isComposing) this.picker.search(); });
    this.input.addEventListener("compositionend", () => this.picker.search());
    this.input.addEventListener("keydown", (event) => void this.key(event));
    this.input.addEventListener("blur", () => this.leave());
    control.addEventListener("click", (event) => {
      const target = event.target as Element;
      if (target.closest("[data-picker-open]")) { this.input.focus(); this.picker.show(""); }
      const drop = target.closest("[data-drop]");
      if (drop) { drop.closest(".token")?.remove(); changed(this.input); }
    });
  }

  private async key(event: KeyboardEvent): Promise<void> {
    if (composing(event)) return;
    if (this.picker.key(event)) { event.preventDefault(); event.stopPropagation(); return; }
    if (event.key === "Enter" && !event.ctrlKey && this.input.value !== this.settled) { event.preventDefault(); await this.picker.choose(); }
    else if (event.key === "Enter" && this.picker.open) { event.preventDefault(); await this.picker.choose(); }
    if (event.key === "Backspace" && this.many && !this.input.value) all(".token", this.control).at(-1)?.remove();
  }

  private take(item: Item): void {
    if (this.many) {
      const token = make("span", { cls: "token" }, make("input", { type: "hidden", name: this.many, value: String(item.id) }), item.name, make("button", { type: "button", "data-drop": true, "aria-label": `${t("去掉", "Remove")} ${item.name}` }, icon("x")));
      this.input.before(token);
      this.input.value = "";
      changed(this.input);
      return;
    }
    this.input.value = this.settled = item.name;
    if (this.hidden) { this.hidden.value = String(item.id); changed(this.hidden); }
    const form = this.control.closest("form");
    for (const [name, value] of Object.entries(item.fills ?? {})) if (form) setField(form, name, value, item.fill_texts?.[name]);
    complain(this.input, "");
  }

  /** What was typed but never picked does not stay beside another record's id. */
  private leave(): void {
    window.setTimeout(() => this.picker.close(), 100);
    if (this.many || !this.hidden || this.input.value === this.settled) return;
    if (this.input.value.trim() === "") { this.settled = ""; this.hidden.value = ""; changed(this.hidden); return; }
    if (this.control.dataset["create"]) { this.settled = this.input.value; this.hidden.value = ""; changed(this.hidden); return; }
    void this.picker.choose().then((found) => { if (!found) { complain(this.input, t(`没有“${this.input.value}”，请从列表里选`, `No “${this.input.value}”: choose from the list`)); this.input.value = this.settled; } });
  }
}

function setUpFiles(zone: HTMLElement): void {
  const input = one<HTMLInputElement>("input[type=file]", zone)!;
  const send = async (files: Iterable<File>): Promise<void> => {
    for (const file of files) {
      const chip = make("span", { cls: "attached" }, icon("paperclip"), make("span", { cls: "cut" }, file.name), make("progress", {}));
      if (!("many" in zone.dataset)) for (const old of all(".attached", zone)) old.remove();
      one("label", zone)!.before(chip);
      const body = new FormData();
      body.append("file", file);
      const answer = await post(zone.dataset["post"] ?? "/files", body).catch(() => null);
      const sent = answer?.ok ? ((await answer.json()) as { id: string; name: string; url: string; size?: string; thumb?: string }) : null;
      if (!sent) {
        const said = answer ? ((await answer.json().catch(() => ({}))) as { error?: { message?: string } }).error?.message : undefined;
        chip.remove();
        toast("failed", said ?? t(`${file.name} 没有传上去`, `${file.name} was not uploaded`));
        continue;
      }
      const drop = make("button", { type: "button", cls: "btn weak only small", "data-drop": true, "aria-label": `${t("去掉", "Remove")} ${sent.name}` }, icon("x", "icon-s"));
      chip.replaceChildren(make("input", { type: "hidden", name: zone.dataset["files"] ?? "", value: String(sent.id) }), sent.thumb ? make("img", { src: sent.thumb, alt: "" }) : icon("paperclip"), make("a", { href: sent.url }, sent.name), make("small", {}, sent.size ?? ""), drop);
      announce(t(`${sent.name} 已传`, `${sent.name} uploaded`));
      changed(zone);
    }
    input.value = "";
  };
  input.addEventListener("change", (event) => { if (input.files?.length) { event.stopPropagation(); void send([...input.files]); } });
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => { event.preventDefault(); zone.classList.remove("over"); void send(event.dataTransfer?.files ?? []); });
  zone.addEventListener("click", (event) => { const drop = (event.target as Element).closest("[data-drop]"); if (drop) { drop.closest(".attached")?.remove(); changed(zone); } });
}

/** Ink stays dark on a light pad in every theme: the picture is kept, printed and shown on white. */
const INK = "#17202c";
/** A touch shorter than this (in CSS pixels, all strokes together) is no signature. */
const SHORTEST = 40;

function setUpSignature(pad: HTMLElement): void {
  const canvas = one<HTMLCanvasElement>("canvas", pad)!, field = one<HTMLInputElement>("input", pad)!;
  const pen = canvas.getContext("2d")!;
  const fit = (): void => {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    pen.scale(ratio, ratio);
    Object.assign(pen, { lineWidth: 2.4, lineCap: "round", lineJoin: "round", strokeStyle: INK });
  };
  let stroke = -1, length = 0, last = { x: 0, y: 0 };
  const point = (event: PointerEvent): { x: number; y: number } => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (stroke >= 0) return; // the palm beside the pen
    event.preventDefault();
    if (!length && !field.value) fit();
    stroke = event.pointerId;
    canvas.setPointerCapture(stroke);
    last = point(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== stroke) return;
    const here = point(event);
    pen.beginPath();
    pen.moveTo(last.x, last.y);
    pen.lineTo(here.x, here.y);
    pen.stroke();
    length += Math.hypot(here.x - last.x, here.y - last.y);
    last = here;
  });
  const end = (event: PointerEvent): void => {
    if (event.pointerId !== stroke) return;
    stroke = -1;
    if (length < SHORTEST) return;
    field.value = canvas.toDataURL("image/png");
    changed(field);
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  const clear = (): void => { fit(); length = 0; field.value = ""; changed(field); };
  const again = make("button", { type: "button", cls: "link pad-again" }, t("重签", "Sign again"));
  again.addEventListener("click", clear);
  pad.append(again);
  if (field.value) { // what was signed before: with this form, which came back, or with the record
    const kept = new Image();
    kept.addEventListener("load", () => { fit(); pen.drawImage(kept, 0, 0, canvas.clientWidth, canvas.clientHeight); });
    kept.src = field.value.startsWith("data:image/png") ? field.value : `/files/${field.value}`;
    length = SHORTEST;
  }
}

/** A hardware reader types fast and ends with Enter: in a bar code field that Enter must not send the form. */
function setUpScan(element: HTMLElement): void {
  const input = element as HTMLInputElement;
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || composing(event)) return;
    event.preventDefault();
    changed(input);
    input.dispatchEvent(new CustomEvent("scanned", { bubbles: true, detail: input.value }));
    input.select();
  });
}

function setUpPlace(element: HTMLElement): void {
  const input = element as HTMLInputElement;
  const button = input.parentElement && one("[data-locate]", input.parentElement);
  button?.addEventListener("click", () => navigator.geolocation.getCurrentPosition(
    (at) => { input.value = `${at.coords.latitude.toFixed(6)},${at.coords.longitude.toFixed(6)}`; complain(input, ""); changed(input); },
    () => complain(input, t("拿不到位置，请允许定位或手工填写", "No position: allow it or type it")),
  ));
}

export function setUp(root: ParentNode): void {
  each(root, "input[data-number]", setUpNumber);
  each(root, ".control > input[type=date]:not(.native-date)", setUpDate);
  each(root, ".control[data-picker]", (control) => { new ReferenceField(control); });
  each(root, "[data-files]", setUpFiles);
  each(root, "[data-signature]", setUpSignature);
  each(root, "input[data-scan]", setUpScan);
  each(root, "input[data-place]", setUpPlace);
}
