"""Small definitions that the tests of the engine start from."""

from __future__ import annotations

from engine import AppModel, MetadataError, load_text

SHOP = """
app: shop
title: 小店 | Small shop
members: employee
departments: section
secrecy: {cost: 成本 | Cost}
entities:
  section: {kind: master, label: 部门 | Section, tree: true}
  employee: {kind: master, label: 员工 | Employee}
  unit:
    kind: master
    measuring: {ratio: ratio, dimension: measures, step: step}
    fields:
      measures: {type: choice, options: {count: 个数, mass: 重量}, default: count}
      ratio: {type: ratio, default: 1}
      step: {type: decimal, default: 1}
  place: {kind: master, label: 仓库 | Place, fields: {keeper: {type: member}}}
  item:
    kind: master
    label: 物料 | Item
    number: {pattern: IT-<serial:4>}
    measured: {unit: unit, units: units, unit_of: unit, ratio: ratio}
    fields:
      unit: {type: reference, to: unit, required: true}
      units: {type: lines, fields: {unit: {type: reference, to: unit}, ratio: {type: ratio, min: 0}}}
      price: {type: money, per: unit, secrecy: cost}
      on_hand:
        label: 现存 | On hand
        formula: balance(stock.qty, item=this)
  order:
    kind: document
    label: 采购单 | Order
    number: {pattern: PO<yyyyMM>-<serial:4>, reset: month}
    fields:
      place: {type: reference, to: place, required: true}
      lines:
        type: lines
        traits: [line]
        fields:
          price: {fill: item.price}
      total: {formula: sum(lines.amount), label: 合计 | Total}
    checks:
      has_lines: {that: count(lines) > 0, say: 至少一行 | At least one line}
    progress: {execution: {whole: sum(lines.qty), left: sum(lines.open_qty), closed: status == closed}}
    workflow:
      states:
        draft: {label: 草稿 | Draft, start: true}
        pending: {approval: {steps: {boss: {if: total > 100, who: [buyer]}}, nobody: {role: buyer}}}
        approved: {label: 已审核 | Approved}
        closed: {label: 关闭 | Closed}
      transitions:
        submit: {from: draft, to: pending, by: [buyer]}
        approve: {from: pending, to: approved}
        reject: {from: pending, to: draft, demands: {note: true}}
        close: {from: approved, to: closed, by: [buyer, {field: owner}]}
  receipt:
    kind: document
    label: 入库单 | Receipt
    fields:
      place: {type: reference, to: place, required: true}
      lines: {type: lines, traits: [line]}
    sources:
      order:
        from: order
        if: status == approved
        fill: {place: place}
        lines: {from: lines, qty: qty, left: open_qty, done: received_qty, fill: {item: item, unit: unit, price: price}}
        holds: status != cancelled
        counts: status == posted
        tolerance: 5 %
        beyond: approve
    workflow:
      states: {draft: {start: true}, posted: {}, cancelled: {}}
      transitions:
        post: {from: draft, to: posted, by: [buyer]}
        cancel: {from: posted, to: cancelled, by: [buyer], reverses: [post]}
    postings:
      post:
        stocked: {add: stock, each: lines, qty: qty, value: amount, kind: purchase}
traits:
  line:
    fields:
      item: {type: reference, to: item, where: active, required: true}
      unit: {type: reference, to: unit, among: item.units, fill: item.unit}
      qty: {type: quantity, of: item, unit: unit, min: 0, required: true, label: 数量 | Quantity}
      price: {type: money, per: unit, secrecy: cost}
      amount: {formula: qty * price, label: 金额 | Amount}
ledgers:
  stock:
    label: 库存 | Stock
    dimensions: {item: {to: item}, place: {to: place}}
    resources: {qty: {type: quantity, of: item}, value: {type: money, secrecy: cost}}
    kinds: {purchase: 采购 | Purchase}
    totals: {by_item: [item]}
    valuation: {quantity: qty, value: value, method: average, pool: firm, pools: {firm: [item]}}
    allocations: {oldest: {over: [place], order: [first_in]}}
    measures: {unit_cost: {per: by_item, formula: value / qty, secrecy: cost}}
    guards: {enough: {that: qty >= 0, say: <item.code> 只有 <before.qty> | <item.code> has only <before.qty>}}
roles:
  buyer:
    label: 采购 | Buyer
    sees: [cost]
    can: {all: [all]}
    rows: {own: {of: [order, ledger.stock], where: place.keeper == user}}
cards: {stock_value: {of: stock, value: sum(value), colors: {red: value > 1000}, opens: {view: item.all}}}
"""


def shop(more: str = "", *layers: str) -> AppModel:
    """The shop with more keys, under layers."""
    return load_text(SHOP + more, "shop.yaml", layers=[(f"layer{i}.yaml", text) for i, text in enumerate(layers, 1)])


def problems(text: str, *layers: str) -> list[str]:
    """What is wrong with a text."""
    try:
        load_text(text, "app.yaml", layers=[(f"layer{i}.yaml", layer) for i, layer in enumerate(layers, 1)])
    except MetadataError as error:
        return [str(problem) for problem in error.problems]
    return []
