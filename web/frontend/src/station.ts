/** Stations: the scan field has the focus whenever nothing else is typed into; a scanned code finds its line. */
import { hasCamera, scan as camera } from "./camera";
import { all, announce, one, t, typing } from "./dom";

/** Puts the person into the line that a code names, where figures are being given. */
function lineOf(station: HTMLElement, code: string): boolean {
  const lines = all<HTMLFieldSetElement>("fieldset[data-codes]", station);
  const found = lines.find((line) => (line.dataset["codes"] ?? "").split(" ").includes(code));
  if (!found) return false;
  for (const line of lines) line.classList.toggle("hit", line === found);
  const input = one<HTMLInputElement>("input:not([type=hidden])", found);
  input?.focus();
  input?.select();
  announce(t("已找到 ", "Found ") + (one("legend", found)?.textContent ?? ""));
  return true;
}

function start(station: HTMLElement): void {
  const input = one<HTMLInputElement>("[data-station-scan]", station);
  const form = input?.form;
  if (!input || !form || form.dataset["ready"]) return;
  form.dataset["ready"] = "1";
  form.addEventListener("submit", (event) => {
    const code = input.value.trim();
    if (code && !lineOf(station, code)) return;
    event.preventDefault();
    input.value = "";
  });
  const key = one<HTMLButtonElement>("[data-station-camera]", station);
  void hasCamera().then((there) => { if (key) key.hidden = !there; });
  key?.addEventListener("click", () => void camera().then((code) => { if (code) { input.value = code; form.requestSubmit(); } }));
  one<HTMLSelectElement>("[data-place-of]", station)?.addEventListener("change", (event) => (event.target as HTMLSelectElement).form?.submit());
  // a reader types wherever the focus is: what nobody else takes goes into the scan field
  document.addEventListener("keydown", (event) => {
    if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && !typing() && !one("dialog[open]")) input.focus();
  });
}

export function setUp(root: ParentNode): void {
  const station = one("[data-station]", root);
  if (station) start(station);
}
