import { resolve } from "node:path";
import { defineConfig } from "vite";
import { iconSprite } from "./icons";
import { flatManifest } from "./manifest";

const here = import.meta.dirname;

export default defineConfig({
  base: "./",
  publicDir: false,
  build: {
    outDir: resolve(here, "../static/dist"),
    emptyOutDir: true,
    target: "es2022",
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { main: resolve(here, "src/main.ts") },
      preserveEntrySignatures: "exports-only",
      output: { entryFileNames: "assets/[name]-[hash].js", chunkFileNames: "assets/[name]-[hash].js", assetFileNames: "assets/[name]-[hash][extname]" },
    },
  },
  plugins: [iconSprite(), flatManifest()],
});
