"""Invented figures, documents and people for the gallery."""

from __future__ import annotations

PICK_NOTE = {"zh": "拼音首字母匹配 3 条 · 价格为该客户上次成交", "en": "3 matches · prices are this customer's last"}

ITEMS = (
    {
        "id": 101,
        "code": "SF-NT-M10",
        "name": "304 法兰螺母 M10",
        "keys": "flm10 304 falanluomu",
        "facts": ["可用 32,400", "¥0.41"],
        "fills": {"unit": "件", "price": "0.41", "tax": "13", "stock": "32400"},
        "fill_texts": {"stock": "32,400"},
    },
    {
        "id": 102,
        "code": "SF-NT-K10",
        "name": "316 法兰螺母 M10",
        "keys": "flm10 316 falanluomu",
        "facts": ["可用 8,150", "¥0.66"],
        "fills": {"unit": "件", "price": "0.66", "tax": "13", "stock": "8150"},
        "fill_texts": {"stock": "8,150"},
    },
    {
        "id": 103,
        "code": "SF-NT-C10",
        "name": "碳钢法兰螺母 M10",
        "keys": "flm10 tangang",
        "facts": [{"text": "可用 0", "tone": "red"}, "¥0.23"],
        "fills": {"unit": "件", "price": "0.23", "tax": "13", "stock": "0"},
        "fill_texts": {"stock": "0"},
    },
)

FORMULAS = """
export const amount = (v, D) => D.mul(v[0], v[1], 2);
export const total = (v, D) => v[0];
"""


def picks(query: str) -> list[dict[str, object]]:
    """The items whose code, name or keys contain the words."""
    words = query.lower()
    return [dict(item) for item in ITEMS if words in f"{item['code']} {item['name']} {item['keys']}".lower()]


def found(query: str) -> list[dict[str, str]]:
    """What the palette finds."""
    if not query:
        return [{"label": "采购订单", "note": "页面", "url": "/list", "icon": "shopping-cart"}]
    return [
        {"label": "铜棒 HPb59-1 Φ12", "note": "物料 · 可用 500 kg", "url": "/detail", "icon": "cube"},
        {"label": "CGDD2601-0163", "note": "恒铜 · 铜棒 · 今天到", "url": "/list", "icon": "shopping-cart"},
        {"label": "新建采购订单：铜棒", "note": "操作", "url": "/form", "icon": "plus"},
    ]


def shell(lang: str, page: str) -> dict[str, object]:
    """The side bar of an invented fastener workshop."""

    def pick(zh: str, en: str) -> str:
        return en if lang == "en" else zh

    def link(zh: str, en: str, icon: str, url: str = "#", **more: object) -> dict[str, object]:
        return {
            "label": pick(zh, en),
            "icon": icon,
            "url": f"{url}?lang={lang}" if url != "#" else url,
            "current": url == f"/{page}",
            **more,
        }

    return {
        "app": {"name": pick("宏远五金制品", "Hongyuan Fasteners"), "kind": pick("生产进销存", "Manufacturing")},
        "apps": [{"label": pick("宏远五金制品", "Hongyuan Fasteners"), "url": "#", "icon": "building-factory-2"}],
        "groups": [
            {
                "label": "",
                "links": [
                    link("工作台", "Home", "home", "/dashboard"),
                    link("待办", "Tasks", "checkbox", count=5),
                    link("预警", "Alerts", "bell", count=3, alarm=True),
                ],
            },
            {
                "label": pick("销售", "Sales"),
                "links": [
                    link("销售订单", "Sales orders", "file-text", "/form"),
                    link("发货单", "Deliveries", "truck"),
                    link("客户", "Customers", "users"),
                ],
            },
            {
                "label": pick("采购", "Purchasing"),
                "links": [
                    link("采购建议", "Suggestions", "bulb", count=4),
                    link("采购订单", "Purchase orders", "shopping-cart", "/list"),
                    link("采购入库", "Receipts", "package-import"),
                ],
            },
            {
                "label": pick("生产", "Production"),
                "links": [
                    link("工单", "Work orders", "clipboard-list", "/detail"),
                    link("领料与退料", "Issues and returns", "tools"),
                    link("BOM", "Bills of material", "list-tree"),
                ],
            },
            {
                "label": pick("库存", "Stock"),
                "links": [
                    link("现存量", "On hand", "packages"),
                    link("批次", "Lots", "barcode"),
                    link("调拨单", "Transfers", "arrows-exchange"),
                    link("盘点单", "Stocktakes", "clipboard-check"),
                ],
            },
            {
                "label": pick("财务与报表", "Finance and reports"),
                "links": [link("应收应付", "Receivables", "coin"), link("报表", "Reports", "chart-bar", "/report")],
            },
        ],
        "foot": [link("应用设计", "App studio", "palette", note="v23")],
        "user": {"name": pick("周明辉", "Zhou Minghui"), "role": pick("经理", "Manager")},
        "sync": {"state": "ok", "label": pick("已同步", "Synced")},
        "bottom": [
            link("首页", "Home", "home", "/dashboard"),
            link("待办", "Tasks", "checkbox", count=5),
            link("消息", "Alerts", "bell", count=3),
        ],
    }


ORDERS = (
    (
        "0151",
        "永固不锈钢",
        "01-24",
        "逾期 4 天",
        "red",
        "88,400.00",
        "approved",
        0,
        0,
        "304 盘条 Φ6.0",
        2,
        "陈丽",
        "昨天",
    ),
    (
        "0148",
        "联丰包装",
        "01-27",
        "逾期 1 天",
        "red",
        "4,260.00",
        "approved",
        62,
        0,
        "五层纸箱 300×200",
        1,
        "黄建国",
        "昨天",
    ),
    (
        "0163",
        "恒铜金属",
        "01-28",
        "今天",
        "amber",
        "41,040.00",
        "approved",
        0,
        30,
        "铜棒 HPb59-1 Φ12",
        1,
        "陈丽",
        "08:12",
    ),
    (
        "0169",
        "鑫达热处理",
        "01-29",
        "明天",
        "",
        "12,600.00",
        "approved",
        45,
        0,
        "委外热处理 M8 系列",
        3,
        "陈丽",
        "09:05",
    ),
    ("0170", "粤海轴承配件", "01-30", "2 天后", "", "6,912.50", "approved", 0, 0, "弹簧垫圈 M10", 2, "黄建国", "01-26"),
    ("0174", "恒铜金属", "01-30", "2 天后", "", "27,360.00", "approved", 0, 30, "铜棒 HPb59-1 Φ8", 1, "陈丽", "01-26"),
    (
        "0175",
        "德旺模具",
        "01-31",
        "3 天后",
        "",
        "18,800.00",
        "approved",
        25,
        50,
        "冷镦模 M8 主模",
        4,
        "黄建国",
        "01-26",
    ),
    ("0178", "永固不锈钢", "02-01", "4 天后", "", "102,700.00", "approved", 0, 0, "316 盘条 Φ8.0", 1, "陈丽", "01-27"),
    ("0179", "宏达五金", "02-02", "5 天后", "", "1,150.00", "approved", 0, 0, "304 法兰螺母 M8", 1, "黄建国", "01-27"),
    ("0180", "华南油品", "02-02", "5 天后", "", "5,480.00", "approved", 0, 100, "冷镦成形油 68#", 2, "黄建国", "01-27"),
    (
        "0186",
        "恒铜金属",
        "02-03",
        "6 天后",
        "",
        "62,300.00",
        "pending",
        None,
        None,
        "铜棒 HPb59-1 Φ12",
        1,
        "陈丽",
        "09:20",
    ),
    (
        "0187",
        "联丰包装",
        "02-03",
        "6 天后",
        "",
        "7,135.00",
        "pending",
        None,
        None,
        "五层纸箱、封箱胶带",
        3,
        "黄建国",
        "09:31",
    ),
    (
        "0181",
        "三力磨具",
        "02-04",
        "7 天后",
        "",
        "9,240.00",
        "refused",
        None,
        None,
        "金刚石砂轮 D150",
        2,
        "黄建国",
        "01-27",
    ),
    ("0182", "永固不锈钢", "02-04", "7 天后", "", "55,250.00", "approved", 0, 0, "304 盘条 Φ5.5", 1, "陈丽", "01-27"),
    ("0183", "顺丰塑胶", "02-05", "8 天后", "", "3,500.00", "approved", 0, 0, "绝缘套 PA66", 1, "黄建国", "01-27"),
    (
        "0184",
        "鑫达热处理",
        "02-05",
        "8 天后",
        "",
        "15,380.00",
        "approved",
        100,
        0,
        "委外镀锌 M10 系列",
        2,
        "陈丽",
        "01-28",
    ),
    (
        "0188",
        "粤海轴承配件",
        "02-06",
        "9 天后",
        "",
        "4,018.60",
        "draft",
        None,
        None,
        "挡圈、平垫圈",
        5,
        "黄建国",
        "09:38",
    ),
    ("0189", "恒铜金属", "02-06", "9 天后", "", "33,120.00", "draft", None, None, "铜排 TMY 30×3", 1, "陈丽", "09:40"),
    ("0185", "德旺模具", "02-07", "10 天后", "", "8,160.00", "approved", 0, 0, "搓丝板 M6", 2, "黄建国", "01-28"),
    (
        "0190",
        "永固不锈钢",
        "02-07",
        "10 天后",
        "",
        "88,400.00",
        "draft",
        None,
        None,
        "304 盘条 Φ6.0",
        1,
        "陈丽",
        "09:41",
    ),
)
APPROVAL = {
    "draft": ("草稿", "Draft"),
    "pending": ("审批中", "In approval"),
    "approved": ("已审核", "Approved"),
    "refused": ("已驳回", "Refused"),
}


def share_label(share: int | None, words: tuple[str, str, str]) -> str:
    """None, part or all in words."""
    if not share:
        return words[0]
    return words[2] if share == 100 else f"{words[1]} {share}%"


def order_rows(lang: str) -> list[dict[str, object]]:
    """The rows of the purchase order list."""
    done = ("未入库", "部分", "已入库") if lang == "zh" else ("None", "Part", "Received")
    paid = ("未结", "部分", "已结清") if lang == "zh" else ("Open", "Part", "Settled")
    return [
        {
            "id": code,
            "label": f"CGDD2601-{code}",
            "amount": amount.replace(",", ""),
            "cells": [
                {"kind": "code", "text": f"CGDD2601-{code}", "url": "/detail"},
                partner,
                {"kind": "date", "text": day, "age": age, "tone": tone},
                amount,
                {"kind": "approval", "state": state, "label": APPROVAL[state][lang == "en"]},
                {"kind": "execution", "share": share, "label": share_label(share, done)},
                {"kind": "settlement", "share": settled, "label": share_label(settled, paid)},
                {"kind": "text", "text": item, "second": f"等 {lines} 行" if lines > 1 else ""},
                person,
                {"kind": "text", "text": moved},
            ],
        }
        for code, partner, day, age, tone, amount, state, share, settled, item, lines, person, moved in ORDERS
    ]
