"""The sentences about plug-ins: a part of ``messages``."""

from __future__ import annotations

from collections.abc import Mapping

MESSAGES_OF_PLUGINS: Mapping[str, tuple[str, str]] = {
    "plugin_unknown": ("没有安装插件 {given}{hint}", "No plug-in {given} is installed{hint}"),
    "plugin_act_unknown": ("{label}没有动作 {given}{hint}", "{label} does nothing called {given}{hint}"),
    "plugin_event_unknown": ("插件没有声明事件 {given}", "The plug-in declares no event {given}"),
    "plugin_known": ("，有：{known}", "; there are: {known}"),
    "plugin_off": (
        "插件“{label}”已停用，请管理员在“设置 → 插件”里启用",
        "The plug-in {label} is switched off; an administrator can switch it on under Settings → Plug-ins",
    ),
    "plugin_badly_set": (
        "插件“{label}”的设置不对：{reason}。请到“设置 → 插件”里改正",
        "The settings of the plug-in {label} are wrong: {reason}. Correct them under Settings → Plug-ins",
    ),
    "plugin_setting_unknown": ("没有设置 {given}{hint}", "There is no setting {given}{hint}"),
    "plugin_no_such_thing": (
        "插件要读写 {given}，这个应用里没有{hint}",
        "The plug-in wants to read or write {given}, which this app does not have{hint}",
    ),
    "plugin_no_such_field": ("{label}没有字段 {given}{hint}", "{label} has no field {given}{hint}"),
    "plugin_argument_unknown": ("没有参数 {given}{hint}", "There is no argument {given}{hint}"),
    "plugin_loop": (
        "这个插件刚刚因为它自己写的内容又被启动，已停止：请检查规则的触发条件",
        "The plug-in would be started again by what it wrote itself and was stopped: see what the rule waits for",
    ),
    "plugin_too_slow": (
        "超过 {seconds} 秒还没有做完，已放弃，什么都没有写入",
        "It took longer than {seconds} s and was given up; nothing was written",
    ),
    "plugin_hangs": (
        "它前几次运行还没有停下来，等它们结束或重启服务后再试",
        "Earlier runs of it have not come to an end; try again after them, or restart the server",
    ),
    "plugin_too_much": ("一次运行最多写 {most} 条", "One run may write at most {most} records"),
    "plugin_moved": (
        "{title} 在运行期间有人改过或删了，没有动它；再运行一次就会算上",
        "Somebody changed or deleted {title} meanwhile, so it was left as it is; the next run takes it in",
    ),
    "plugin_broken_off": (
        "服务器在它运行时停过三次，不再重试",
        "The server stopped three times while it ran; given up",
    ),
    "plugin_failed": ("“{act}”没有做成：{reason}", "“{act}” failed: {reason}"),
    "plugin_reads": ("查看 {what}", "read {what}"),
    "plugin_changes": ("修改 {what} 的 {fields}", "change {fields} of {what}"),
    "plugin_makes": ("新建 {what}，填写 {fields}", "make {what} with {fields}"),
    "plugin_sees": ("看到保密的 {what}", "see the secret {what}"),
    "no_such_plugin_run": ("没有这次运行", "There is no such run"),
    "plugin_not_text": ("{label}应为文字：{given}", "{label} must be a text: {given}"),
    "plugin_not_number": ("{label}不是数字：{given}", "{label} is not a number: {given}"),
    "plugin_not_integer": ("{label}应为整数：{given}", "{label} must be a whole number: {given}"),
    "plugin_not_yes_no": ("{label}应为是或否：{given}", "{label} must be yes or no: {given}"),
    "plugin_not_date": ("{label}不是日期（如 2026-03-31）：{given}", "{label} is not a date (as 2026-03-31): {given}"),
    "plugin_not_moment": (
        "{label}不是带时区的时刻（如 2026-03-31T08:30+08:00）：{given}",
        "{label} is no moment with its zone (as 2026-03-31T08:30+08:00): {given}",
    ),
    "plugin_not_record": ("{label}应为记录的编号：{given}", "{label} must be the id of a record: {given}"),
    "setting_type": ("{label}的值不对：{given}", "{label} cannot be {given}"),
    "setting_minimum": ("{label}不能小于 {bound}：{given}", "{label} must be at least {bound}: {given}"),
    "setting_maximum": ("{label}不能大于 {bound}：{given}", "{label} must be at most {bound}: {given}"),
    "setting_exclusiveMinimum": ("{label}必须大于 {bound}：{given}", "{label} must be above {bound}: {given}"),
    "setting_exclusiveMaximum": ("{label}必须小于 {bound}：{given}", "{label} must be below {bound}: {given}"),
    "setting_enum": ("{label}只能是 {bound}：{given}", "{label} must be one of {bound}: {given}"),
    "setting_many": ("{label}最多 {most} 个值", "{label} holds at most {most} values"),
    "setting_other": ("{label}的值不合要求：{bound}", "{label} is not as it must be: {bound}"),
    "setting_field_kind": (
        "{label}要{wanted}字段，{given}是{kind}字段；{remedy}",
        "{label} must be a field of the kind {wanted}, and {given} is {kind}; {remedy}",
    ),
    "setting_field_target": (
        "{label}要引用{target}的字段，{given}不是；{remedy}",
        "{label} must be a field that refers to {target}, and {given} is none; {remedy}",
    ),
    "setting_field_secret": (
        "{label}不能用{given}：它是保密字段，插件看不到；{remedy}",
        "{label} cannot be {given}: it is secret, and the plug-in may not see it; {remedy}",
    ),
    "setting_field_computed": (
        "{label}不能用{given}：它是算出来的，写不进去；{remedy}",
        "{label} cannot be {given}: it is computed, nothing can be written to it; {remedy}",
    ),
    "setting_fields_known": ("可以选 {known}", "choose one of {known}"),
    "setting_fields_none": ("请先给{what}加一个合适的字段", "give {what} a fitting field first"),
    "setting_unknown_id": ("{label}：应用里没有 {given}{hint}", "{label}: the app has no {given}{hint}"),
}
