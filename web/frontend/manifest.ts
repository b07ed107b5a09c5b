/** `manifest.json`: a flat map from the name a template asks for to the file with the hash in its name. */
import type { Plugin } from "vite";

export function flatManifest(): Plugin {
  return {
    name: "flat-manifest",
    enforce: "post",
    generateBundle(_options, bundle) {
      const names: Record<string, string> = {};
      for (const [file, item] of Object.entries(bundle)) {
        if (item.type === "chunk" && item.isEntry) names[`${item.name}.js`] = file;
        if (item.type === "asset") for (const name of item.names) names[name] = file;
      }
      const sorted = Object.fromEntries(Object.entries(names).sort(([a], [b]) => a.localeCompare(b)));
      this.emitFile({ type: "asset", fileName: "manifest.json", source: `${JSON.stringify(sorted, null, 2)}\n` });
    },
  };
}
