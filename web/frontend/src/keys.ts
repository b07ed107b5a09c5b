/** The list of all keys, behind `?`. */
import { make, t } from "./dom";

export type Keys = () => [string, string][];

export const LINE_KEYS: Keys = () => [
  ["↑ ↓ ← →", t("移动", "move")], [t("直接打字", "type"), t("替换这一格", "replaces the cell")], ["F2", t("编辑这一格", "edit the cell")],
  ["Enter · Tab", t("下一格，最后一格后新开一行", "next cell, from the last a new line")], ["Shift Enter · Shift Tab", t("上一格", "previous cell")], ["Esc", t("放弃这一格的改动", "revert the cell")],
  ["Ctrl D", t("复制上一行这一格", "copy the cell above")], ["Ctrl ⌫", t("删这一行（可撤销）", "remove the line (undo)")], ["Ctrl Z", t("撤销", "undo")], ["Ctrl V", t("从 Excel 贴多行", "paste rows from Excel")],
  ["F4", t("打开全表选择", "open the full list")], ["Ctrl S", t("保存", "save")], ["Ctrl ↵", t("提交", "submit")], ["Ctrl K", t("搜索", "search")], ["?", t("这张表", "this list")],
];

export function showKeys(keys: Keys): void {
  const rows = keys().map(([key, what]) => make("tr", {}, make("th", { scope: "row" }, make("kbd", {}, key)), make("td", {}, what)));
  const close = make("button", { cls: "btn", value: "" }, t("关闭", "Close"));
  const dialog = make("dialog", { cls: "dialog", "aria-label": t("全部按键", "All keys") }, make("form", { method: "dialog" }, make("h2", {}, t("全部按键", "All keys")), make("table", { cls: "diff" }, make("tbody", {}, ...rows)), make("div", { cls: "dialog-end" }, close)));
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
}

export function start(): void {
  document.addEventListener("click", (event) => { if ((event.target as Element).closest("[data-keys]")) showKeys(LINE_KEYS); });
}
