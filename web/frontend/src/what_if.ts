/** What if: a slider moves a number of the form; what is computed from it follows as while one types. */
import { all, each, one } from "./dom";
import { grouped, plain } from "./numbers";

function setUpOne(box: HTMLElement): void {
  const form = box.closest("form");
  const range = one<HTMLInputElement>("input[type=range]", box);
  const shown = one<HTMLOutputElement>("output", box);
  const field = form && one<HTMLInputElement>(`input[name="${CSS.escape(box.dataset["whatIf"] ?? "")}"]`, form);
  if (!range || !field) { box.hidden = true; return; }
  const move = (value: string): void => {
    if (plain(field.value) === value) return;
    field.value = value;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const follow = (): void => {
    const value = plain(field.value) ?? "";
    if (Number(range.value) !== Number(value)) range.value = value;
    if (shown) shown.textContent = grouped(value, 2);
    for (const mark of all("[data-value]", box)) mark.setAttribute("aria-pressed", String(Number(mark.dataset["value"]) === Number(value)));
  };
  range.addEventListener("input", (event) => { event.stopPropagation(); move(range.value); });
  range.addEventListener("change", (event) => event.stopPropagation());
  for (const mark of all("[data-value]", box)) mark.addEventListener("click", () => move(mark.dataset["value"] ?? ""));
  form.addEventListener("change", follow);
  follow();
}

export function setUp(root: ParentNode): void {
  each(root, "[data-what-if]", setUpOne);
}
