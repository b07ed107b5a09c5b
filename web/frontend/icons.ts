/** One SVG sprite of the icons the product knows by name; an unknown name stops the build. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const NAMES = `
activity adjustments adjustments-horizontal affiliate alarm alert-circle alert-octagon alert-triangle align-left apps archive armchair arrow-back-up
arrow-down arrow-down-right arrow-forward-up arrow-left arrow-narrow-right arrow-right arrow-up arrow-up-right arrows-exchange arrows-left-right arrows-sort
arrows-transfer-up-down at award backspace ball-football barcode basket battery-3 beach bell bolt book bookmark bottle box box-multiple
bread brand-wechat briefcase building building-bank building-factory building-factory-2 building-store building-warehouse bulb
calculator calendar calendar-due calendar-event calendar-stats calendar-time camera car carrot cash cash-banknote category certificate
chart-bar chart-dots chart-line chart-pie checkbox check checklist checks chef-hat chevron-down chevron-left chevron-right chevron-up chevrons-down
circle circle-check circle-dashed circle-dot circle-plus circle-x clipboard clipboard-check clipboard-copy clipboard-list clipboard-text clock clock-hour-4
cloud-check cloud-off cloud-up code coffee coin coins columns-3 copy corner-down-right credit-card currency-yuan cut dashboard database database-off
device-desktop device-floppy device-mobile devices dots dots-vertical download droplet edit egg engine external-link eye eye-off
file file-alert file-check file-dollar file-export file-import file-invoice file-off file-plus file-spreadsheet file-text files filter filter-off
fingerprint fish flag flask flask-2 folder forklift forms function gauge gift git-branch git-merge grip-vertical hammer hand-stop hash heart help-circle
hierarchy hierarchy-2 hierarchy-3 history home hourglass id id-badge-2 inbox info-circle key keyboard language layers-intersect layers-subtract layout-board
layout-board-split layout-dashboard layout-grid layout-kanban layout-list leaf lifebuoy link list list-check list-details list-numbers list-search list-tree
location lock lock-open login login-2 logout mail manual-gearbox map map-pin math math-function meat medicine-syrup menu-2 message message-circle messages microscope
milk minus moon note notebook notes number-123 nut outbound package package-export package-import package-off packages palette paperclip
paint pencil pencil-minus percentage phone photo photo-plus pill pin pizza plane plant player-play plug-connected plus point power presentation
printer progress progress-check prompt qrcode question-mark radioactive receipt receipt-2 receipt-refund receipt-tax recycle refresh refresh-alert
repeat report report-analytics report-money report-search robot rotate rotate-clockwise route ruler ruler-measure ruler-2 salad scale scan school
scissors screen-share search selector send separator server settings settings-automation shield shield-check shield-lock ship shirt shopping-bag shopping-cart
shopping-cart-plus sitemap snowflake sort-ascending sort-descending soup sparkles square square-check square-plus stack stack-2 stack-3 star steam
stethoscope subtask sum sun switch-horizontal table table-export table-import tag tags target temperature test-pipe text-size thumb-up ticket timeline
tool tools tools-kitchen-2 topology-star-3 tornado transfer transfer-in transfer-out transform trash tree trending-down trending-up triangle truck truck-delivery truck-loading
truck-return typography umbrella upload urgent user user-check user-circle user-cog user-plus user-question user-share users users-group vaccine versions
video volume wallet wand wash webhook weight wheel wifi wifi-off windmill window wood world writing x zoom-in zoom-out zoom-question
cube cube-unfolded barcode-off ad-2 rubber-stamp barrel blender bucket cake candle ce cheese dental device-analytics
`.trim().split(/\s+/);

const OWN: Record<string, string> = {
  dougong: '<path d="M4 6h16v3.2H4zM7 11h10v3H7zM10 15.8h4V20h-4z" fill="currentColor" stroke="none"/>',
};

/** The mark of the browser's tab: ours, white on a square of the accent's colour. */
const FAVICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" color="#fff"><rect width="24" height="24" rx="5" fill="#1a5fa0"/><g transform="translate(3.6 3.6) scale(.7)">${OWN["dougong"]}</g></svg>`;

function inner(folder: string, name: string): string {
  const text = readFileSync(join(folder, `${name}.svg`), "utf8");
  return text.replace(/<!--[\s\S]*?-->/g, "").replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "").replace(/\s*\n\s*/g, "").replace(/<path stroke="none"[^>]*\/>/g, "");
}

/** Names that pages and application templates ask for in their own words. */
function asked(folder: string, ending: string, pattern: RegExp): string[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(ending));
  return files.flatMap((file) => [...readFileSync(join(folder, file), "utf8").matchAll(pattern)].map((found) => found[1]!));
}

export function iconSprite(): Plugin {
  return {
    name: "icon-sprite",
    generateBundle() {
      const folder = join(import.meta.dirname, "node_modules/@tabler/icons/icons/outline");
      const root = join(import.meta.dirname, "../..");
      const others = [
        ...asked(join(root, "templates_catalog"), ".yaml", /\bicon: *"?([a-z0-9-]+)/g),
        ...asked(join(root, "web/templates"), ".html", /\bicon\('([a-z0-9-]+)'/g),
      ].filter((name) => !(name in OWN));
      const known = (name: string): boolean => existsSync(join(folder, `${name}.svg`));
      const missing = NAMES.filter((name) => !known(name));
      if (missing.length) this.error(`no such icon: ${missing.join(", ")}`);
      const strange = [...new Set(others)].filter((name) => !known(name));
      if (strange.length) this.warn(`drawn as a plain page, no such icon: ${strange.join(", ")}`);
      const names = [...new Set([...NAMES, ...others])];
      const symbols = names.map((name) => `<symbol id="${name}" viewBox="0 0 24 24">${inner(folder, known(name) ? name : "file")}</symbol>`);
      for (const [name, body] of Object.entries(OWN)) symbols.push(`<symbol id="${name}" viewBox="0 0 24 24">${body}</symbol>`);
      this.emitFile({ type: "asset", name: "icons.svg", source: `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>` });
      this.emitFile({ type: "asset", name: "favicon.svg", source: FAVICON });
      this.emitFile({ type: "asset", name: "icons.json", source: JSON.stringify([...names.filter(known), ...Object.keys(OWN)].sort()) });
    },
  };
}
