/** The list of all keys, behind `?`. */
import { make, one, t, typing } from "./dom";

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

export const PAGE_KEYS: Keys = () => [
  ["Ctrl K", t("搜索、跳转、新建", "search, jump, make")], ["/", t("在列表里搜索", "search the list")], ["J · K", t("列表里上下移动；单据里看下一张、上一张", "move in a list; next and previous record on a document")],
  ["X", t("选中这一行", "select the row")], ["Enter", t("打开", "open")], ["Esc", t("取消选择", "clear the selection")],
  ["Ctrl S", t("保存", "save")], ["Ctrl ↵", t("提交", "submit")], ["T", t("图表的数据表", "the table behind a chart")], ["?", t("这张表", "this list")],
];

/** The keys of lines where there are lines to type into, else those of the page. */
const keysHere = (): Keys => (one("[data-lines][data-columns]") ? () => [...PAGE_KEYS().slice(0, 6), ...LINE_KEYS()] : PAGE_KEYS);

export function start(): void {
  document.addEventListener("click", (event) => { if ((event.target as Element).closest("[data-keys]")) showKeys(keysHere()); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || event.defaultPrevented || typing() || one("dialog[open]")) return;
    event.preventDefault();
    showKeys(keysHere());
  });
}
