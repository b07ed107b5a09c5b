"""Every sentence the runtime says to a user, by stable code, in both languages.

A message says what is wrong, with the record, and what to do next. Codes are part of the API.
Rooms add their rows in the section of their room, here or in ``messages_flows``.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.model import Text
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.messages_flows import MESSAGES_OF_FLOWS
from runtime.messages_plugins import MESSAGES_OF_PLUGINS

MESSAGES: Mapping[str, tuple[str, str]] = {
    # records
    "required": ("请填写{label}", "{label} is required"),
    "not_a_number": ("{label}不是数字：{given}", "{label} is not a number: {given}"),
    "not_whole": ("{label}应为整数：{given}", "{label} must be a whole number: {given}"),
    "too_large": ("{label}太大，须小于 {most}", "{label} is too large, it must be below {most}"),
    "too_long": (
        "{label}太长：{length} 个字符，最多 {most} 个",
        "{label} is too long: {length} characters, at most {most}",
    ),
    "not_a_text": ("{label}应为文字：{given}", "{label} must be a text: {given}"),
    "bad_character": (
        "{label}第 {position} 个字符无法保存，请删去",
        "Character {position} of {label} cannot be stored, remove it",
    ),
    "plan_not_replayed": (
        "计划的推算结果没有历史，这个预警不能回放",
        "What a plan reckoned in the past is not kept; this alert cannot be tried on it",
    ),
    "alert_failed": ("预警无法计算：{reason}", "The alert cannot be worked out: {reason}"),
    "reminder_failed_title": ("到点的事没能办成", "What was due could not be done"),
    "reminder_failed": (
        "{key} 试了几次都失败，不再试：{reason}",
        "{key} was tried several times in vain and is given up: {reason}",
    ),
    "not_an_hour": ("{given} 不是几点几分，写成 22:00", "{given} is no hour of the day; write 22:00"),
    "hours_both": ("免打扰要从几点到几点都填", "Quiet hours need both a beginning and an end"),
    "not_an_email": ("{label}不是邮箱地址：{given}", "{label} is not an e-mail address: {given}"),
    "not_a_link": (
        "{label}应以 http:// 或 https:// 开头：{given}",
        "{label} must start with http:// or https://: {given}",
    ),
    "not_yes_no": ("{label}应为是或否：{given}", "{label} must be yes or no: {given}"),
    "not_a_date": ("{label}不是日期（如 2026-03-31）：{given}", "{label} is not a date (as 2026-03-31): {given}"),
    "not_a_time": ("{label}不是时间（如 08:30）：{given}", "{label} is not a time (as 08:30): {given}"),
    "not_a_moment": (
        "{label}不是日期时间（如 2026-03-31T08:30+08:00）：{given}",
        "{label} is not a moment (as 2026-03-31T08:30+08:00): {given}",
    ),
    "not_an_option": ("{label}没有选项 {given}，可选：{options}", "{label} has no option {given}; possible: {options}"),
    "not_a_list": ("{label}应为列表", "{label} must be a list"),
    "not_an_object": ("{label}的每一行应为对象", "Every row of {label} must be an object"),
    "not_a_reference": (
        "{label}应为编号、编码或唯一键：{given}",
        "{label} must be an id, a code or an object of a unique key: {given}",
    ),
    "which_entity": ("{label}须说明 entity：{entities}", "{label} must say its entity: {entities}"),
    "no_such_record": ("{label}：没有 {given}", "{label}: there is no {given}"),
    "several_records": ("{label}：{given} 不止一个", "{label}: {given} is more than one record"),
    "no_such_key": ("{label}：{given} 不能用来查找", "{label}: one cannot look up by {given}"),
    "not_a_file": ("{label}应为已上传文件的编号：{given}", "{label} must be the id of an uploaded file: {given}"),
    "not_json": ("{label}不是有效的 JSON", "{label} is not valid JSON"),
    "unknown_field": ("没有字段 {given}{hint}", "There is no field {given}{hint}"),
    "did_you_mean": ("，是否为 {near}？", "; did you mean {near}?"),
    "field_forbidden": ("您不能修改{label}", "You may not change {label}"),
    "field_computed": ("{label}由系统计算，不能填写", "{label} is computed and cannot be given"),
    "field_locked": ("{label}现在不能修改", "{label} cannot be changed now"),
    "status_by_transition": ("{label}只能通过流程操作改变", "{label} changes only by a transition"),
    "below_minimum": ("{label}不能小于 {least}", "{label} must be at least {least}"),
    "above_maximum": ("{label}不能大于 {most}", "{label} must be at most {most}"),
    "not_allowed_here": ("{label}：{given} 不在可选范围内", "{label}: {given} is not among those allowed here"),
    "not_unique": ("{label}已存在：{given}", "{label} exists already: {given}"),
    "overflow": ("{label}的计算结果太大", "The result of {label} is too large"),
    "taken_meanwhile": (
        "{label}没有保存：他人刚刚占用了相同的值或删除了引用的记录，请重试",
        "{label} was not saved: somebody has just taken the same value or removed a record it names; try again",
    ),
    "circle": ("{label}的计算首尾相接，请检查引用", "{label} is computed in a circle; check the references"),
    "verb_read": ("查看", "see"),
    "verb_create": ("新建", "create"),
    "verb_change": ("修改", "change"),
    "verb_delete": ("删除", "delete"),
    "verb_print": ("打印", "print"),
    "verb_export": ("导出", "export"),
    "verb_other": ("操作", "work on"),
    "no_such_entity": ("没有“{given}”", "There is no {given}"),
    "not_found": ("没有{label} {id}，或您无权查看", "There is no {label} {id}, or you may not see it"),
    "forbidden": ("您没有权限{action}{label}", "You may not {action} {label}"),
    "row_forbidden": ("这条{label}不在您的权限范围内", "This {label} is outside what you may work on"),
    "stale": (
        "{label} {title} 已被他人修改（版本 {now}，您的是 {given}），请重新打开",
        "{label} {title} was changed by somebody else (version {now}, yours is {given}); open it again",
    ),
    "still_referred": (
        "{label} {title} 不能删除：{count} 条{other}还在使用它",
        "{label} {title} cannot be deleted: {count} {other} still refer to it",
    ),
    "retained": (
        "{label} {title} 不能删除：这条记录要保存到 {day}；不再用就停用或改正它，{day} 起才能删除",
        "{label} {title} cannot be deleted: this record is kept until {day}; switch it off or correct it instead, "
        "it may be deleted from {day} on",
    ),
    "not_in_start_state": (
        "{label} {title} 已进入流程，不能删除，请作废",
        "{label} {title} is under way and cannot be deleted; cancel it instead",
    ),
    "deleted_record": ("{label} {title} 已删除，请先恢复", "{label} {title} is deleted; restore it first"),
    "unit_unknown": ("{label}：单位 {given} 不能换算", "{label}: there is no conversion from unit {given}"),
    "key_reused": (
        "这个 Idempotency-Key 已用于另一个请求",
        "This Idempotency-Key was already used for another request",
    ),
    "number_needs": ("无法编号：请先填写{needs}", "No number can be made: fill in {needs} first"),
    "code_taken": ("编号 {given} 已被使用", "Number {given} is already used"),
    "file_too_large": ("文件太大：{size} MB，最大 {most} MB", "The file is too large: {size} MB, at most {most} MB"),
    "file_empty": ("文件是空的", "The file is empty"),
    "file_type": ("不支持的文件类型：{given}", "Files of type {given} are not accepted"),
    "file_taken": ("{label}：文件 {given} 属于另一条记录", "{label}: file {given} belongs to another record"),
    "sort_unknown": ("不能按 {given} 排序{hint}", "One cannot sort by {given}{hint}"),
    "column_unknown": ("没有列 {given}{hint}", "There is no column {given}{hint}"),
    "cursor_bad": ("翻页标记无效，请从第一页开始", "The cursor is not valid here; start from the first page"),
    "filter_bad": ("筛选条件有误：{reason}", "The filter is wrong: {reason}"),
    "page_size_bad": ("每页条数应在 1 到 {most} 之间", "page_size must be from 1 to {most}"),
    "import_unreadable": ("文件无法读取：{reason}", "The file cannot be read: {reason}"),
    "import_column": ("文件没有列 {given}{hint}", "The file has no column {given}{hint}"),
    "import_value": ("{label}：{given} 没有对应的值", "{label}: there is no value for {given}"),
    "import_mapping": ("导入映射有误：{reason}", "The mapping is wrong: {reason}"),
    "import_join_file": ("映射还需要文件 {file}：{reason}", "The mapping also needs the file {file}: {reason}"),
    "import_join_twice": (
        "{file} 第 {line} 行：{key} 出现多次，无法确定对应哪一行",
        "{file} line {line}: {key} stands there more than once; it is not clear which row is meant",
    ),
    "import_no_partner": ("{file} 中没有 {columns} 为 {key} 的行", "{file} has no row whose {columns} is {key}"),
    "import_differs": (
        "同一单据的{label}不一致：这一行是 {given}，以第一行的 {first} 为准",
        "Rows of one record differ in {label}: this row has {given}; the first row's {first} is taken",
    ),
    "import_history_then": (
        "作为历史导入的单据不走流程，映射里的 then 不适用",
        "Documents brought in as history take no transitions; the mapping's then does not apply",
    ),
    "import_empty": ("文件没有数据行", "The file has no rows"),
    "import_not_made": ("{label} {given} 没能新建：{reason}", "{label} {given} could not be made: {reason}"),
    "import_other_unit": (
        "{label} {given} 的单位与本行的单位 {unit} 不同，请换算成同一单位",
        "{label} {given} is not in the unit of its row, {unit}; write it in that unit",
    ),
    "import_same_row": ("与第 {line} 行完全相同", "the same as row {line}"),
    "import_same_key": (
        "{label} {given} 与第 {line} 行重复，请只留一行",
        "{label} {given} stands in row {line} already; leave one of them",
    ),
    "import_alike": (
        "已有同名的{label}：{title}，可能是重复的",
        "There is a {label} of this name already: {title}; this may be the same",
    ),
    "import_field_type": ("新字段不能是类型 {given}", "A new field cannot be of type {given}"),
    "import_undone": ("这次导入已经撤销", "This import has been undone already"),
    "import_changed_since": ("导入后被 {who} 改过（{day}）", "changed by {who} since it was imported ({day})"),
    "import_no_way_back": (
        "{label} {title} 已进入流程，没有可以冲销的操作，请先按流程作废",
        "{label} {title} is under way and nothing counters it; cancel it first",
    ),
    "import_undo_note": ("撤销导入 {number}", "Import {number} undone"),
    "import_too_many_to_try": (
        "这次导入还有 {count} 条，超过 {most} 条不试撤：请到导入记录页面看，或直接撤销",
        "{count} records of this import stand, more than {most} are not tried: look at its page, or undo it",
    ),
    "version_overtaken": (
        "别人刚发布了版本 {now}，您看到的是版本 {seen}：请重新打开再做一次",
        "Somebody just published version {now}, you saw version {seen}: open it again and repeat your change",
    ),
    "work_busy": ("系统正忙，什么也没有写入；请再试一次", "Busy; nothing was written. Please try again"),
    "work_failed": (
        "出了故障，什么也没有写入；请再试一次，还不行就请管理员看日志",
        "Something went wrong and nothing was written. Try again; if it stays, have an administrator read the log",
    ),
    "work_broken_off": (
        "服务器中途停过，不知道做完没有：先看看数据进来了没有，没有就再做一次",
        "The server was stopped meanwhile: look whether the data came in, and begin again if it did not",
    ),
    "import_total_row": ("合计行，不导入", "a row of totals, left out"),
    # workflow, documents, tasks, planning
    "no_workflow": ("{label}没有流程", "{label} has no workflow"),
    "no_transition": (
        "{label}没有操作“{given}”，可用：{known}",
        "{label} has no transition {given}; there are: {known}",
    ),
    "transition_not_allowed": (
        "{label} {title} 现为“{state}”，不能{transition}；须处于：{origins}",
        "{label} {title} is {state}; {transition} is possible only from: {origins}",
    ),
    "transition_not_yours": (
        "您不能对{label} {title} 执行“{transition}”，应由 {who} 执行",
        "You may not take {transition} on {label} {title}; it is for {who}",
    ),
    "transition_by_approval": (
        "{label} {title} 的“{transition}”只能由审批人决定",
        "{transition} of {label} {title} is decided by its approvers only",
    ),
    "transition_condition": (
        "{label} {title} 不满足“{transition}”的条件：{condition}",
        "{label} {title} does not meet the condition of {transition}: {condition}",
    ),
    "demand_note": ("说明", "Note"),
    "demand_photo": ("照片", "Photo"),
    "demand_scan": ("扫码", "Scan"),
    "demand_signature": ("签名", "Signature"),
    "demand_file": ("附件", "File"),
    "demand_field": ("字段", "Field"),
    "demand_note_missing": ("请填写说明", "A note is needed"),
    "demand_photo_missing": ("请上传照片（至少 {count} 张）", "Photos are needed, at least {count}"),
    "demand_file_missing": ("请上传附件（至少 {count} 个）", "Files are needed, at least {count}"),
    "demand_signature_missing": ("请签名", "A signature is needed"),
    "demand_scan_missing": ("请扫码", "A scan is needed"),
    "demand_scan_wrong": ("扫到的“{given}”与单据不符", "The scanned {given} does not belong to this document"),
    "demand_file_unknown": (
        "文件 {given} 不存在、已被使用或不是您上传的",
        "Files {given} do not exist, are in use, or were not uploaded by you",
    ),
    "task_unknown": ("没有这个待办", "There is no such task"),
    "task_decided": ("这个待办已处理", "This task has been decided already"),
    "task_not_yours": ("这个待办不是给您的", "This task is not yours"),
    "no_source": ("{label}没有来源“{given}”", "{label} has no source {given}"),
    "draw_from_one": ("请选择一张{label}", "Choose one {label}"),
    "draw_choose_line": ("请选择一行，每行生成一张{label}", "Choose one line; each makes a {label} of its own"),
    "draw_not_ready": (
        "{label} {title} 现为“{state}”，不能生成{drawn}",
        "{label} {title} is {state}; no {drawn} can be made from it",
    ),
    "draw_differs": (
        "所选{label}的“{field_label}”不同，不能合并",
        "The chosen {label} differ in {field_label} and cannot be put together",
    ),
    "nothing_left": ("{label} {title} 已无剩余数量", "Nothing is left of {label} {title}"),
    "over_drawn": (
        "超出{label}的剩余数量：剩余 {left}，本次 {wanted}",
        "More than is left of the {label}: {left} left, {wanted} wanted",
    ),
    "documents_hang": (
        "{label} {title} 不能撤销，请先处理：{names}",
        "{label} {title} cannot be undone; deal first with: {names}",
    ),
    "nothing_to_return": (
        "没有来源行，无法按原成本退回（{posting}）",
        "Without its source line nothing can come back at its cost ({posting})",
    ),
    "nothing_to_explode": (
        "{label} {title} 没有当日有效的{structure}",
        "{label} {title} has no {structure} valid on that day",
    ),
    "structure_cycle": ("物料构成循环：{path}", "It is made of itself: {path}"),
    "structure_loss": (
        "{label} {title} 按整件计量，不能设损耗率",
        "{label} {title} is counted in whole pieces and cannot carry a loss percentage",
    ),
    "no_such_plan": ("没有计划“{given}”", "There is no plan {given}"),
    "no_such_item": ("没有 {given}", "There is no {given}"),
    "too_many_rows": ("展开超过 {most} 行", "The explosion has more than {most} rows"),
    "plan_no_document": ("{title} 没有适用的建议单据", "No document fits the suggestion for {title}"),
    "no_such_report": ("没有报表“{given}”", "There is no report {given}"),
    "comment_empty": ("请写下内容", "Write something"),
    "comment_long": ("太长，最多 {most} 个字符", "Too long, at most {most} characters"),
    "no_such_card": ("没有卡片“{given}”", "There is no card {given}"),
    # ledgers
    "period_closed": ("{ledger}已结账至 {day}，请改用之后的日期", "{ledger} is closed through {day}; use a later date"),
    "more_than_went": ("最多可退回 {possible}，不能退回 {wanted}", "At most {possible} can come back, not {wanted}"),
    "not_enough": (
        "{ledger}不足：只有 {there}，需要 {wanted}，差 {missing}",
        "{ledger}: only {there} of {wanted} there, {missing} missing",
    ),
    "nothing_to_revalue": ("{ledger}中没有可调整成本的记录", "{ledger} has no moves whose cost could be changed"),
    "dimension_missing": ("{ledger}：请指定{dimension}", "{ledger}: say which {dimension}"),
    "price_needed": ("{ledger}：没有可用的成本，请填写价格", "{ledger}: no cost is known, please enter a price"),
    "replay_too_long": (
        "需要重算的记录超过 {moves} 条，请改用今天的日期",
        "More than {moves} moves would have to be recalculated; use today's date",
    ),
    "on_that_day": ("（{day}）", " ({day})"),
    # ledgers, inbox and figures as they are read
    "no_such_ledger": ("没有台账“{given}”", "There is no ledger {given}"),
    "no_such_dimension": ("没有维度“{given}”，可用：{known}", "There is no dimension {given}; there are: {known}"),
    "no_such_message": ("没有这条消息", "There is no such message"),
    "inbox_task": ("{label} {title} 等您审批（{by} 提交）", "{label} {title} waits for your decision (sent by {by})"),
    "inbox_approved": ("{label} {title} 已通过", "{label} {title} was approved"),
    "inbox_refused": ("{label} {title} 被驳回（{by}）", "{label} {title} was refused by {by}"),
    "inbox_returned": ("{label} {title} 被退回（{by}）", "{label} {title} was sent back by {by}"),
    "bad_period": ("没有期间“{given}”", "There is no period {given}"),
    "bad_direction": ("direction 应为 forward、backward 或 both", "direction must be forward, backward or both"),
    "too_many_streams": ("同时打开的事件流太多，请稍后再试", "Too many open event streams; try again later"),
    "too_many_requests": ("请求太频繁，请稍后再试", "Too many requests; try again later"),
    # accounts
    "account_name": ("登录名要有 1 到 60 个可见字符", "A log-in name needs 1 to 60 visible characters"),
    "account_taken": ("登录名 {name} 已有人用，换一个", "The log-in name {name} is taken, choose another"),
    "account_of_demo": ("演示数据已经有登录名 {name}，换一个", "The demo data has the log-in name {name} already"),
    "account_unknown": ("没有账号 {name}", "There is no account {name}"),
    "account_resting": (
        "密码错了太多次，请 {minutes} 分钟后再试",
        "Too many wrong passwords; try again in {minutes} min",
    ),
    "password_length": ("密码要有 {least} 到 {most} 个字符", "A password needs {least} to {most} characters"),
    "password_wrong": ("登录名或密码不对", "The name or the password is wrong"),
    "role_unknown": ("没有角色 {given}；可选：{known}", "There is no role {given}; choose from: {known}"),
    # requests
    "log_in": ("请先登录", "Log in first"),
    "token_wrong": ("令牌无效或已过期，请重新生成", "The token is wrong or has expired; make a new one"),
    "no_such_app": ("没有应用 {given}", "There is no app {given}"),
    "station_elsewhere": (
        "{label} {title} 在别处等待，不在这个地点",
        "{label} {title} waits elsewhere, not at this place",
    ),
    "station_not_waiting": (
        "{label} {title} 现为“{state}”，不在这里等待处理",
        "{label} {title} is {state}; it does not wait here",
    ),
    "station_unknown": ("这里没有 {given}", "Nothing here is called {given}"),
    "station_gone": (
        "这张单据已经不在这里等待，可能刚有人处理过",
        "This document no longer waits here; somebody may just have dealt with it",
    ),
    "station_no_lines": ("没有填写任何数量", "No quantity was given"),
    "no_such_page": ("没有 {given}", "There is no {given}"),
    "body_missing": ("请求没有内容，需要 JSON", "The request has no body; JSON is needed"),
    "body_not_json_type": (
        "内容类型 {given} 不对，请用 application/json",
        "Wrong content type {given}; use application/json",
    ),
    "body_not_json": ("不是合法的 JSON：{reason}", "This is not JSON: {reason}"),
    "body_not_object": ("需要一个 JSON 对象（或对象的列表）", "A JSON object (or a list of objects) is needed"),
    "bad_if_match": ("If-Match 应是版本号，收到 {given}", "If-Match must be a version number, got {given}"),
    "bad_page_size": ("page_size 应在 1 到 {most} 之间，收到 {given}", "page_size must be 1 to {most}, got {given}"),
    "bad_number": ("{name} 应是数字，收到 {given}", "{name} must be a number, got {given}"),
    "bad_date": ("{name} 应是日期 YYYY-MM-DD，收到 {given}", "{name} must be a date YYYY-MM-DD, got {given}"),
    "bad_key": ("Idempotency-Key 最长 {most} 个可见字符", "Idempotency-Key may have {most} printable characters"),
    "too_many_records": (
        "一次最多 {most} 条，收到 {given}；请用导入",
        "At most {most} records a call, got {given}; use import",
    ),
    "parameter_missing": ("缺少参数 {name}", "The parameter {name} is missing"),
    # administration and taking over
    "admin_only": ("只有管理员可以这样做", "Only an administrator may do this"),
    "admin_self": (
        "不能停用自己，也不能去掉自己的管理员角色",
        "You cannot lock out yourself or drop your own admin role",
    ),
    "admin_last": ("至少要留一个管理员", "Somebody must remain an administrator"),
    "close_past": ("只能关到今天以前的日期", "Only days before today can be closed"),
    "close_later": ("已经关到 {day}，请选更晚的日期", "Already closed through {day}; choose a later day"),
    "reason_needed": ("请写明原因", "A reason is needed"),
    "opening_when_live": (
        "已于 {day} 启用，不能再录入、记账或撤销{label}；改数请用盘点、其它出入库或往来调整",
        "The app has been live since {day}: {label} cannot be entered, posted or undone any more; "
        "use a count or an adjustment instead",
    ),
    "method_needs_closing": (
        "计价方法只能从一个期间的开始更换：请先把{ledger}关账到上一期间的期末",
        "The costing method changes only at a period's start: close {ledger} through the end of the last one first",
    ),
    "method_has_moves": (
        "计价方法只能从一个期间的开始更换：{ledger}在 {day} 开始的期间里已经有流水，请在下一期间的开始更换",
        "The costing method changes only at the start of a period: {ledger} already has moves in the period "
        "that began on {day}; change it at the start of the next",
    ),
    "method_while_short": (
        "{ledger}里还有负结存，补平后才能更换计价方法",
        "{ledger} is below zero somewhere: settle that before the costing method changes",
    ),
    "method_changed_since": (
        "{ledger}从 {day} 起按新的计价方法核算，不能反关账到这一天之前",
        "{ledger} is valued by another method since {day}; what was closed before that day stays closed",
    ),
    # the proof of the books
    "proof_mend": (
        "由流水和单据重新生成：dougong check --mend",
        "made anew from moves and records: dougong check --mend",
    ),
    "proof_guard": (
        "做一张单据把它补平（盘点、调整或撤销多占的）；改过账簿规定的，先看规定",
        "post a document that sets it right (a count, an adjustment, the release of what is held); "
        "if the rule of the ledger changed, look at the rule first",
    ),
    "proof_moves": (
        "流水或单据被绕过系统改过：不能自动修复，请从备份恢复或联系实施人员",
        "moves or records were changed behind the system: restore a backup or call whoever runs the server",
    ),
    "is_live": ("已经启用，期初不能再清空", "The app is live; what was taken over stays"),
    "confirm_name": ("请输入“{name}”确认", "Type {name} to confirm"),
    # approvals, outbox, channels, rules, alerts, bar codes
    **MESSAGES_OF_FLOWS,
    **MESSAGES_OF_PLUGINS,
}


def say(ctx: RunContext, code: str, **values: object) -> str:
    """The sentence ``code`` in the reader's language."""
    chinese, english = MESSAGES[code]
    return (english if ctx.language == "en" else chinese).format(**values)


def both(code: str, **values: object) -> Text:
    """The sentence ``code`` in both languages: for messages that are read later, by somebody else."""
    chinese, english = MESSAGES[code]
    return Text(zh=chinese.format(**values), en=english.format(**values))


def fault(ctx: RunContext, code: str, field: str = "", **values: object) -> Fault:
    """A ``Fault`` with the sentence of ``code``."""
    return Fault(code=code, message=say(ctx, code, **values), field=field)
