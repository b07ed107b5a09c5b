/** @ in a remark offers colleagues: the words after it are looked for, the one that is picked takes their place. */
import { each, t } from "./dom";
import { Picker, type Item } from "./picker";

const CALLED = /@([\p{L}\p{N}_·-]*)$/u;

function setUpRemark(element: HTMLElement): void {
  const input = element as HTMLInputElement;
  const before = (): string => input.value.slice(0, input.selectionStart ?? input.value.length);
  const picker = new Picker(input, {
    source: async () => {
      const address = new URL(input.dataset["mention"]!, location.href);
      address.searchParams.set("q", CALLED.exec(before())?.[1] ?? "");
      const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      return (await answer.json()) as { items: Item[] };
    },
    picked: (item) => {
      const start = before().replace(CALLED, `@${item.name} `), rest = input.value.slice(input.selectionStart ?? input.value.length);
      input.value = start + rest;
      input.setSelectionRange(start.length, start.length);
    },
    footnote: t("提到他", "mention"),
  });
  input.addEventListener("input", (event) => {
    if ((event as InputEvent).isComposing) return;
    if (CALLED.test(before())) picker.search(); else picker.close();
  });
  input.addEventListener("keydown", (event) => {
    const called = CALLED.test(before());
    if (!picker.open && !called) return;
    // the answer may still be on its way: Enter waits for it instead of sending half a name
    if (event.key === "Enter") { event.preventDefault(); void picker.choose().then((taken) => { if (!taken) input.form?.requestSubmit(); }); }
    else if (event.key !== "F4" && picker.open && picker.key(event)) { event.preventDefault(); event.stopPropagation(); }
  });
  input.addEventListener("blur", () => window.setTimeout(() => picker.close(), 120));
}

export function setUp(root: ParentNode): void {
  each(root, "input[data-mention]", setUpRemark);
}
