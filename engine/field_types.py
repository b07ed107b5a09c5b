"""The closed registry of field types: what each is called, holds and can do.

A new field type is one row here, one in ``runtime/columns.py`` and one in the forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from engine.expressions import types
from engine.expressions.types import Kind, Type
from engine.model import Text

COMMON_KEYS = frozenset(
    ("type", "label", "help", "required", "visible", "readonly", "secrecy", "after", "retired", "fixed")
)
_VALUE_KEYS = frozenset(["default", "fill", "formula", "along", "unique"])
_RANGE = frozenset({"min", "max"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldType:
    """``keys``: field keys that this type understands; ``needs``: those that must be there.

    ``sums``: totals make sense; ``searches``: full-text search reads it; ``sorts``: lists may be sorted by it.
    """

    id: str
    label: Text
    value: Type
    keys: frozenset[str]
    needs: frozenset[str] = frozenset()
    sums: bool = False
    searches: bool = False
    sorts: bool = True
    many: bool = False

    @property
    def all_keys(self) -> frozenset[str]:
        """Keys common to all types and those of this one."""
        return COMMON_KEYS | self.keys


def _type(
    id: str, label: str, value: Type, keys: str = "", needs: str = "", abilities: str = "", plain: bool = True
) -> FieldType:
    zh, en = label.split(" | ")
    own = frozenset(keys.split())
    able = abilities.split()
    return FieldType(
        id=id,
        label=Text(zh, en),
        value=value,
        keys=own | _VALUE_KEYS if plain else own,
        needs=frozenset(needs.split()),
        sums="sums" in able,
        searches="searches" in able,
        sorts="unsorted" not in able,
        many="many" in able,
    )


_REFERENCE = Type(kind=Kind.REFERENCE)
_REFERENCES = Type(kind=Kind.REFERENCE, many=True)
_CHOICES = Type(kind=Kind.CHOICE, many=True)
_MONEY = types.money(2)

_TYPES = (
    _type("text", "文本 | Text", types.TEXT, "max_length", abilities="searches"),
    _type("long_text", "长文本 | Long text", types.TEXT, "max_length", abilities="searches unsorted"),
    _type("integer", "整数 | Integer", types.INTEGER, "min max", abilities="sums"),
    _type("decimal", "小数 | Decimal", types.NUMBER, "min max", abilities="sums"),
    _type("money", "金额 | Money", _MONEY, "min max per", abilities="sums"),
    _type("quantity", "数量 | Quantity", types.QUANTITY, "min max of unit", abilities="sums"),
    _type("percent", "百分比 | Percent", types.PERCENT, "min max"),
    _type("ratio", "比率 | Ratio", types.QUOTIENT, "min max"),
    _type("yes_no", "是否 | Yes / no", types.YES_NO),
    _type("date", "日期 | Date", types.DATE, "min max"),
    _type("time", "时间 | Time", types.TIME, "min max"),
    _type("moment", "时刻 | Moment", types.MOMENT, "min max"),
    _type("duration", "时长 | Duration", types.DURATION, "min max", abilities="sums"),
    _type("choice", "单选 | Choice", Type(kind=Kind.CHOICE), "options", "options"),
    _type("choices", "多选 | Choices", _CHOICES, "options", "options", "many unsorted"),
    _type("reference", "引用 | Reference", _REFERENCE, "to where among create reverse", "to"),
    _type("references", "多个引用 | References", _REFERENCES, "to where among reverse", "to", "many unsorted"),
    _type("member", "人员 | Member", _REFERENCE, "where among reverse"),
    _type("department", "部门 | Department", _REFERENCE, "where among reverse"),
    _type(
        "lines",
        "明细 | Lines",
        _REFERENCES,
        "fields traits unique indexes checks explode copy trace allot title search form",
        "",
        "many unsorted",
        plain=False,
    ),
    _type("file", "文件 | File", types.FILE, "many default fill", abilities="unsorted", plain=False),
    _type("photo", "照片 | Photo", types.FILE, "many default fill", abilities="unsorted", plain=False),
    _type("signature", "签名 | Signature", types.FILE, abilities="unsorted", plain=False),
    _type("barcode", "条码 | Barcode", types.TEXT, "max_length", abilities="searches"),
    _type("address", "地址 | Address", types.TEXT, "max_length", abilities="searches"),
    _type("phone", "电话 | Phone", types.TEXT, "max_length", abilities="searches"),
    _type("email", "邮箱 | E-mail", types.TEXT, "max_length", abilities="searches"),
    _type("link", "链接 | Link", types.TEXT, "max_length"),
    _type("place", "位置 | Place", types.TEXT, "max_length"),
    _type("json", "结构数据 | JSON", types.JSON, "default", abilities="unsorted", plain=False),
)

FIELD_TYPES: Mapping[str, FieldType] = MappingProxyType({each.id: each for each in _TYPES})
"""Type id → its spec."""

INFERRED: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.YES_NO: "yes_no",
        Kind.TEXT: "text",
        Kind.NUMBER: "decimal",
        Kind.MONEY: "money",
        Kind.QUANTITY: "quantity",
        Kind.DATE: "date",
        Kind.TIME: "time",
        Kind.MOMENT: "moment",
        Kind.DURATION: "duration",
        Kind.CHOICE: "choice",
        Kind.REFERENCE: "reference",
        Kind.FILE: "file",
    }
)
"""Kind of a formula's result → field type it gets when none is written."""
