"""The sentences about approvals, outbox, channels, rules, alerts and bar codes: a part of ``messages``."""

from __future__ import annotations

from collections.abc import Mapping

MESSAGES_OF_FLOWS: Mapping[str, tuple[str, str]] = {
    # --- approvals beyond yes and no
    "approvers_missing": ("请选择“{step}”的审批人", "Choose who approves in the step {step}"),
    "approvers_unfit": ("“{step}”只能选有相应角色的人", "Only people with the role may approve in the step {step}"),
    "approvers_unreadable": ("审批人应为：步骤 → 员工编号", "Approvers are members by step: {{step: [id]}}"),
    "field_not_in_step": ("这一步不能改 {given}", "{given} may not be changed in this step"),
    "return_not_offered": (
        "这张单据的流程没有退回，请改用驳回",
        "This document cannot be sent back; refuse it instead",
    ),
    "helper_only_advises": (
        "您只是被请教意见，不能退回：写下意见，单据会回到请教您的人",
        "You are asked for your opinion only: give it, and the document goes back to who asked",
    ),
    "helper_asks_no_signer": (
        "您只是被请教意见，不能加签；可以再请教别人，或转交",
        "You are asked for your opinion only and cannot add signers; ask another for his, or hand it over",
    ),
    "return_step_unknown": ("只能退回到前面已经审过的步骤", "It can be returned only to a step decided before"),
    "person_unknown": ("没有这个人，或他不能登录", "There is no such person, or he cannot log in"),
    "person_asked_already": ("{name} 已在这一步里", "{name} is asked in this step already"),
    "person_is_you": ("不能交给自己", "It cannot be handed to yourself"),
    "person_may_not_read": ("{name} 没有权限看这张单据", "{name} may not read this document"),
    "signer_not_yours": (
        "只能撤回自己加的、还没有处理的签",
        "Only signers whom you added and who have not decided may be removed",
    ),
    "take_back_not_yours": ("只能撤回自己的同意", "Only your own approval can be taken back"),
    "take_back_spoken": (
        "后面的人已经处理，不能撤回；可以请他退回",
        "Somebody after you has acted already, so it cannot be taken back; ask for a return",
    ),
    "take_back_through": (
        "单据已经不在这次审批里，不能撤回",
        "The document has left this approval, so nothing can be taken back",
    ),
    "decided_already": (
        "{title} 已有人审批，不能再{action}；可以请审批人退回",
        "Somebody has decided on {title} already: {action} is over; ask an approver to return it",
    ),
    "handled_not_refused": (
        "这一步只要办理，不能驳回；办不了可以退回或转交",
        "In this step something is to be done, nothing to be refused; return it or hand it over if it cannot be done",
    ),
    "step_waits": ("等待 {span}，到时自动往下走", "Waits {span}, then goes on by itself"),
    "span_hours": ("{count} 小时", "{count} hours"),
    "span_work_hours": ("{count} 个工作小时", "{count} working hours"),
    "span_work_days": ("{count} 个工作日", "{count} working day(s)"),
    "waited": ("等待时间已到", "The time to wait is over"),
    "nothing_to_urge": ("没有人在等待审批", "Nobody is asked at the moment"),
    "urged_lately": ("{minutes} 分钟后才能再催", "You can urge again in {minutes} minutes"),
    "urge_not_yours": ("只有发起人能催办", "Only who sent it may urge"),
    "nobody_found": ("找不到审批人，自动驳回", "Nobody was found to approve; refused automatically"),
    "deadline_passed": ("超过时限，自动处理", "The deadline passed; decided automatically"),
    "batch_demands": (
        "{title} 这一步要求填写内容，请打开单据处理",
        "{title} asks for more in this step; open it to decide",
    ),
    "substitute_self": ("代理人不能是自己", "You cannot be your own substitute"),
    "substitute_days": ("结束日期不能早于开始日期", "The last day cannot be before the first"),
    "substitute_flow": ("没有需要审批的单据 {given}", "There are no documents {given} that need an approval"),
    "said_on_behalf": ("{name}（代 {absent}）", "{name} (for {absent})"),
    "inbox_stands_in": (
        "{label} {title} 等您代为审批（{by} 提交）",
        "{label} {title} waits for you, who stand in (sent by {by})",
    ),
    "inbox_urged": ("{by} 催您审批 {label} {title}", "{by} asks you to decide {label} {title}"),
    "inbox_copied": ("{by} 抄送您 {label} {title}", "{by} copies {label} {title} to you"),
    "inbox_overdue": ("{label} {title} 审批超时，请处理", "{label} {title} waits for you beyond its deadline"),
    "inbox_opinion_late": (
        "{label} {title}：您请教的意见超时未到，可撤回后自己决定",
        "{label} {title}: the opinion you asked for is late; take it back to decide without it",
    ),
    "inbox_escalated": ("{label} {title} 超时，转请您审批", "{label} {title} was escalated to you"),
    "way_signer": ("{by} 加签 {name}", "{by} asked {name} to sign too"),
    "way_opinion": ("{by} 请 {name} 提意见", "{by} asked {name} for an opinion"),
    "way_handed": ("{by} 转交 {name}", "{by} handed it over to {name}"),
    "way_escalated": ("超时，转请 {name}", "late; escalated to {name}"),
    "way_stands_in": ("{name} 代 {by}", "{name} stands in for {by}"),
    "step_passed": ("不经过：{condition} 不成立", "Passed over: {condition} does not hold"),
    "step_comes": ("条件：{condition}", "If {condition}"),
    "comment_length": ("评论要有 1 到 {most} 个字", "A comment needs 1 to {most} characters"),
    "view_name": ("视图要有名称；每个列表最多 {most} 个视图", "A view needs a name; a list has at most {most} views"),
    # outbox, channels, calendar
    "channel_kind": (
        "没有通道类型 {given}，可选：{known}",
        "There is no kind of channel {given}; choose from: {known}",
    ),
    "channel_name": ("通道要有名称（最多 40 个字）", "A channel needs a name of at most 40 characters"),
    "channel_taken": ("已有通道叫 {name}，换一个名称", "A channel is called {name} already, choose another name"),
    "channel_unknown": ("没有这个通道", "There is no such channel"),
    "channel_option": ("{label}没有选项 {given}", "{label} has no option {given}"),
    "channel_off_title": ("通道“{name}”已停用", "The channel {name} was switched off"),
    "channel_off_text": (
        "对方拒收：{error}。消息都留着，改好设置并启用后会发出。",
        "It takes no more messages: {error}. They are kept and leave once it is mended and switched on.",
    ),
    "outbox_unknown": ("没有这条待发消息", "There is no such message in the outbox"),
    "outbox_in_inbox": ("这条消息已在收件人的消息中心", "This message is in the inbox of its receiver already"),
    "outbox_under_way": ("这条消息正在发送，请稍候", "This message is being sent; wait a moment"),
    "test_title": ("测试消息", "Test message"),
    "test_text": ("{app} 通过“{name}”发来的测试消息。", "{app} sends this test message by {name}."),
    "test_address": ("请填写收件地址", "Say the address to send to"),
    "push_place": ("浏览器没有给出可用的推送地址", "The browser gave no usable place to push to"),
    "hours_wrong": ("工作时间应像 08:30-12:00, 13:30-17:30", "Working hours are written as 08:30-12:00, 13:30-17:30"),
    "public_url_wrong": ("地址应以 http:// 或 https:// 开头", "The address must start with http:// or https://"),
    # rules and alerts
    "rule_blocks": (
        "规则“{label}”没能执行，未保存：{reason}",
        "The rule “{label}” failed, nothing was saved: {reason}",
    ),
    "simulated_elsewhere": (
        "条件里引用的其他单据和账簿数字按现在的值计算，当时可能不同",
        "What the condition reads from other records and ledgers is as it is now; it may have been different then",
    ),
    "simulated_now": (
        "按单据现在的日期和内容推算，之后改过的以改后的为准",
        "Worked out from the records as they are now; what was changed later counts as changed",
    ),
    "simulated_cut": (
        "这段时间的变动太多，只回放了最近 {most} 次",
        "There were too many changes in the period; only the last {most} were replayed",
    ),
    "too_many_simulations": (
        "同时进行的回放试算太多（每人最多 {of_one} 个，共 {of_all} 个）：请等它们做完，或者先停掉一个",
        "Simulations are under way already (at most {of_one} of a person, {of_all} of all): wait for one, or stop it",
    ),
    "no_such_rule": ("没有规则 {given}", "There is no rule {given}"),
    "no_such_run": ("没有这条执行记录", "There is no such run"),
    "no_such_alert": ("没有这条预警，或已经关闭", "There is no such alert, or it is closed"),
    "bad_days": ("起止日期不对：{since} 至 {until}", "The period is wrong: {since} to {until}"),
    "too_many_days": ("一次最多看 {most} 天", "At most {most} days can be looked at in one go"),
    "open_alerts": ("进行中的预警", "open alerts"),
    # documents on an earlier flow
    "flow_moved": (
        "改走新流程（原按第 {version} 版的流程）",
        "moved to the new flow (was on that of version {version})",
    ),
    "flow_is_newest": ("{titles} 已经按最新的流程走", "{titles}: on the newest flow already"),
    "flow_state_gone": (
        "{label} {titles} 停在“{state}”，新流程里没有这个状态：请指定改到哪个状态（{known}）",
        "{label} {titles}: “{state}” is no state of the new flow; say which of these it becomes: {known}",
    ),
    "flow_state_unknown": (
        "新流程里没有状态 {given}，有：{known}",
        "The new flow has no state {given}; it has: {known}",
    ),
    "flow_state_posts": (
        "“{old}”不能改成“{new}”：其中一个已过账，另一个没有；请先用单据自己的按钮过账或撤销",
        "“{old}” cannot become “{new}”: one is behind a posting, the other is not; post or undo the document first",
    ),
    # spreadsheets
    "import_field_gone": (
        "对应关系“{name}”里的字段 {fields} 已经不在应用里：在导入页用它，那些列会略过，接着导入；存一次就改好了",
        "The kept mapping {name} names fields that are gone: {fields}. Take it on the import page, which leaves these "
        "columns out and goes on, and keep it again",
    ),
    # the first day
    "fixed_once_live": (
        "{label}在启用（{day}）以后不能再改：已有的单据都按它记的；写错了就另建一个，停用这个",
        "{label} cannot change once the app is live (since {day}): all documents so far stand on it; make another one "
        "and retire this",
    ),
    "making_broken_off": (
        "建到一半服务器停了，做了一半的已经清掉，请再来一次",
        "The server was stopped half way; what was half made is gone, please begin again",
    ),
    # entries made offline
    "sync_no_entries": (
        '应为 {{"entries": [...]}}，每一条是一个对象',
        'This must be {{"entries": [...]}} with an object for each',
    ),
    "sync_too_many": (
        "一次最多 {most} 条，这里有 {given} 条：分几次按顺序送",
        "At most {most} entries go in one batch, here are {given}: send them in several, in order",
    ),
    "sync_too_large": (
        "这一条太大，最多 {most} KB（图片和文件先上传）：整批没有处理",
        "This entry is too large, at most {most} KB (files are uploaded first): nothing of the batch was done",
    ),
    "sync_bad_key": (
        "每一条要有自己的 key（1 到 {most} 个可打印的 ASCII 字符）：整批没有处理",
        "Every entry needs a key of its own (1 to {most} printable ASCII characters): nothing of the batch was done",
    ),
    "sync_key_twice": (
        "key {given} 用在了两条不同的内容上：整批没有处理，请给其中一条换 key",
        "The key {given} stands at two different entries: nothing of the batch was done; give one another key",
    ),
    "sync_too_much_open": (
        "已有 {open} 条离线未入账等着处理，最多 {most} 条：先到“离线未入账”处理，再同步",
        "{open} entries made offline wait to be dealt with, at most {most} may: settle them under Not taken in first",
    ),
    "sync_bad_kind": ("kind 应为 create、change 或 act：{given}", "kind must be create, change or act: {given}"),
    "sync_unknown_part": ("这一条里没有 {given} 这一项", "Such an entry has no part {given}"),
    "sync_bad_id": (
        'id 应为记录编号，或 {{"$entry": 前面一条的 key}}：{given}',
        'id must be that of a record, or {{"$entry": the key of an earlier entry}}: {given}',
    ),
    "sync_bad_version": (
        "version 应为离线时看到的版本号：{given}",
        "version must be the version that was seen when the entry was made: {given}",
    ),
    "sync_no_action": ("action 应为流程操作的编号", "action must be the id of a transition"),
    "sync_made_at": (
        "made_at 应为带时区的时间（如 2026-03-31T08:30:00+08:00）：{given}",
        "made_at must be a moment with its zone (as 2026-03-31T08:30:00+08:00): {given}",
    ),
    "sync_future": (
        "录入时间 {given} 在将来：请把设备的时钟对好，再到“离线未入账”处理",
        "It was made at {given}, which is still to come: set the device's clock, then settle it under Not taken in",
    ),
    "sync_old": (
        "录入时间 {given} 已超过 {days} 天：请核对账上是否已有，再到“离线未入账”重做或作废",
        "It was made at {given}, more than {days} days ago: see whether it is in the books already, then redo or "
        "discard it under Not taken in",
    ),
    "sync_no_such_entry": ("没有 key 为 {given} 的前面一条", "There is no earlier entry with the key {given}"),
    "sync_other_entity": ("key 为 {given} 的那条不是这个记录", "The entry {given} is not about this record"),
    "sync_stands_on_discarded": (
        "它所依据的 {given} 已作废：请一并作废，或手工重新录入",
        "It stands on {given}, which was discarded: discard it too, or enter it anew by hand",
    ),
    "sync_discarded": (
        "这一条已在“离线未入账”里作废，没有入账",
        "It was discarded under Not taken in; nothing of it was done",
    ),
    "sync_waits": (
        "它所依据的 {given} 还没有入账：先处理那一条，这一条会跟着入账",
        "It stands on {given}, which was not taken in: settle that one and this one follows",
    ),
    "sync_clash": (
        "离线期间别人改过同样的内容：{fields}。请对比两边的值，决定用哪一个",
        "Somebody else changed the same meanwhile: {fields}. Compare both values and choose",
    ),
    "sync_failed": (
        "这一条处理时系统出错，已记入日志，没有入账",
        "Something broke on our side at this entry; it is in the log. Nothing of it was done",
    ),
    "sync_owner_gone": (
        "录入人的账号已停用，不能再以他的权限入账：请作废，需要时手工重新录入",
        "The account of who made it is not in use any more: discard it, and enter it anew by hand if it is needed",
    ),
    "sync_redone": ("{person} 的离线录入", "Entered offline by {person}"),
    "sync_told_title": ("有离线录入没有入账", "Something entered offline was not taken in"),
    "sync_told": (
        "请到 设置 → 离线未入账 查看原因，重做或作废",
        "See why under Settings → Not taken in, and redo or discard it",
    ),
    "sync_none_such": ("没有这条离线未入账的记录，或已经处理", "There is no such entry, or it is settled already"),
    "sync_next_conflict": (
        "在“离线未入账”里重做（以这一条为准）或作废",
        "Redo it (its values count) or discard it under Not taken in",
    ),
    "sync_next_refused": (
        "排除原因后在“离线未入账”里重做，或作废",
        "Redo it under Not taken in once the reason is gone, or discard it",
    ),
    "sync_next_forbidden": (
        "请有权限的人或管理员在“离线未入账”里重做，或作废",
        "Have an administrator redo it under Not taken in, or discard it",
    ),
    "sync_next_waiting": ("先处理它所依据的那一条", "Settle the entry it stands on first"),
    # bar codes
    "barcode_unknown": ("认不出这个条码：{given}", "This bar code is not understood: {given}"),
    "barcode_malformed": ("条码 ({ai}) 段的内容不对：{given}", "Part ({ai}) of the bar code is wrong: {given}"),
    "barcode_check_digit": (
        "条码 ({ai}) 段的校验位不对：{given}，请重扫",
        "The check digit of part ({ai}) is wrong: {given}; scan it again",
    ),
    "barcode_no_lot": ("条码里没有批号：{given}，请手工输入批次", "The bar code names no lot: {given}; type the lot"),
    "barcode_no_record": (
        "没有{label}的条码是 {given}，先在资料里登记这个条码",
        "No {label} has the bar code {given}; enter it in the master data first",
    ),
}
