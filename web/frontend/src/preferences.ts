/** Theme, row height and language: shown at once, kept on the server. */
import { all, keep } from "./dom";

/** Folds a group of the menu, and remembers which are folded. */
function fold(group: HTMLElement): void {
  const open = group.getAttribute("aria-expanded") === "false";
  group.setAttribute("aria-expanded", String(open));
  group.closest("h2")?.nextElementSibling?.classList.toggle("shut", !open);
  const shut = all('[data-menu-group][aria-expanded="false"]').map((other) => other.dataset["menuGroup"]);
  void keep("menu", JSON.stringify(shut));
}

export function start(): void {
  document.addEventListener("click", (event) => {
    const group = (event.target as Element).closest<HTMLElement>("[data-menu-group]");
    if (group) { fold(group); return; }
    const button = (event.target as Element).closest<HTMLElement>("[data-theme-set], [data-density-set], [data-language-set]");
    if (!button) return;
    const root = document.documentElement;
    const { themeSet, densitySet, languageSet } = button.dataset;
    if (themeSet !== undefined) {
      root.dataset["theme"] = themeSet;
      document.dispatchEvent(new CustomEvent("theme-changed"));
      void keep("theme", themeSet);
    }
    if (densitySet !== undefined) {
      if (densitySet) root.dataset["density"] = densitySet;
      else delete root.dataset["density"];
      void keep("density", densitySet);
    }
    if (languageSet !== undefined) void keep("language", languageSet).then((kept) => { if (kept) location.reload(); });
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new CustomEvent("theme-changed")));
}
