/** Theme, row height and language: shown at once, kept on the server. */
import { keep } from "./dom";

export function start(): void {
  document.addEventListener("click", (event) => {
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
