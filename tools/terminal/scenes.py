"""十二幕：一个值夜的人会遇到的；每一幕里等得到的字就是断言，记下的画面供人看、供查漂移。"""

import os
from collections.abc import Callable
from typing import Final

from tools.terminal.stage import VERSION, Stage, open_stage

CTRL_C: Final = "\x03"
_PLAN, _ROLLBACK = "批准？", "回滚？"
_TICKET: Final = """变更单 CHG-20417
机场: PEK
应用: checkin
模块: gate
版本: 1.2.3
安装包: {package}
范围: 10.0.0.1-10.0.0.3"""


def first_night(stage: Stage) -> None:
    """头一个夜班：先问能说什么，再说要部署什么，看过计划才同意。"""
    seat = stage.sit("chat")
    seat.see("请说要部署什么")
    seat.say("?", "此刻可以说")
    seat.say(stage.request, _PLAN)
    stage.shot(seat, "还什么都没有改变：计划摆在眼前，等他一句话")
    seat.say("同意", "结果: 8 台全部完成")
    stage.shot(seat, "做完了")
    seat.say("退出", "")


def typo(stage: Stage) -> None:
    """打错了字：命令打错了说他多半想说什么；回答打错了再问，绝不猜。"""
    wrong = stage.sit("rnu")
    wrong.leave()
    stage.shot(wrong, "命令打错了")
    seat = stage.sit("chat")
    seat.say(stage.request, _PLAN)
    seat.say("同一", "没有听出要改什么")
    stage.shot(seat, "「同意」打成了「同一」：不算，再问")
    seat.say("拒绝", "什么也没有改变")


def ticket(stage: Stage) -> None:
    """把工单整段粘贴进来：几行是一句要求，不会一行一行地当成几句。"""
    seat = stage.sit("chat")
    seat.see("请说要部署什么")
    seat.screen.settle()
    seat.screen.gone("载入")
    seat.screen.paste(_TICKET.format(package=stage.package))
    seat.screen.settle()
    stage.shot(seat, "粘贴了，还没有回车")
    seat.say("", _PLAN)
    stage.shot(seat, "回车之后：一份计划，三台")
    seat.say("拒绝", "什么也没有改变")


def pause_and_resume(stage: Stage) -> None:
    """Ctrl-C 立刻有回话，进行中的做完就停；「继续」接着做到底。"""
    stage.lab.add_fault("10.0.0.2:deploy:slow=6:1")
    seat = stage.sit("chat")
    seat.say(stage.request, _PLAN)
    seat.say("同意", "10.0.0.2 deploy-ip 已")
    seat.press(CTRL_C)
    seat.see("正在停：等 10.0.0.2 做完；再按一次 Ctrl-C 立即停")
    stage.shot(seat, "按了 Ctrl-C")
    seat.see("已停下，进行中的都已做完")
    stage.shot(seat, "停下了")
    seat.say("继续", "结果: 8 台全部完成")
    stage.shot(seat, "说了「继续」")


def two_terminals(stage: Stage) -> None:
    """两个人同时决定：先到的作数，后到的被告知谁决定了什么、自己的没有作数。"""
    stage.lab.add_fault("10.0.0.2:verify:fail:1")
    mine = stage.sit("chat")
    mine.say(stage.request, _PLAN)
    mine.say("同意", _ROLLBACK)
    run_id = stage.run_id()
    other = stage.sit("confirm", run_id, "--reject", "--operator", "李娜")
    other.leave()
    stage.shot(other, "另一个终端里，李娜先决定了：保持现状")
    mine.say("同意", "已由 李娜 先决定了")
    stage.shot(mine, "这一个终端里说了「同意」：没有作数，说出是谁、怎样决定的")


def dark_counter(stage: Stage) -> None:
    """柜台停着：说在最前面，直到它又在运行；离开再回来，第一句还是它。"""
    stage.lab.add_fault("10.0.0.3:start:fail")
    seat = stage.sit("chat")
    seat.say(stage.request, _PLAN)
    seat.say("同意", _ROLLBACK)
    stage.shot(seat, "启动失败，柜台停着：问题的第一行")
    seat.say("拒绝", "7 台成功")
    seat.say("退出", "")
    seat.leave()
    again = stage.sit("chat")
    again.see("停用 1 台")
    stage.shot(again, "离开再回来")


def hang(stage: Stage) -> None:
    """一台挂着不动：每秒都看得见等了多久、最多多久；问的就地答，说的别的收着。"""
    stage.lab.add_fault("10.0.0.2:deploy:slow=8:1")
    seat = stage.sit("chat")
    seat.say(stage.request, _PLAN)
    seat.say("同意", "10.0.0.2 deploy-ip 已 2 秒")
    stage.shot(seat, "挂了两秒：最下面一行说的是它")
    seat.say("进度怎么样", "未开工 6")
    seat.say("跳过 10.0.0.8", "记下了，还没有照做")
    stage.shot(seat, "途中问了一句，又说了一句")
    seat.see("结果: 8 台全部完成")


def terminal_closed(stage: Stage) -> None:
    """终端关了：像 Ctrl-C 那样，进行中的做完才停；回来时说得出停在哪里。"""
    stage.lab.add_fault("10.0.0.2:deploy:slow=3:1")
    seat = stage.sit("chat")
    seat.say(stage.request, _PLAN)
    seat.say("同意", "10.0.0.2 deploy-ip 已")
    os.close(seat.screen.master)
    seat.process.wait()
    again = stage.sit("chat")
    again.see("已中断")
    stage.shot(again, "重新连上之后的第一句")
    again.say("继续", "结果: 8 台全部完成")


def cancel_thought_better_of(stage: Stage) -> None:
    """说了取消，听见代价又不取消了：照旧进行，一台也没有少。"""
    stage.lab.add_fault("10.0.0.2:deploy:slow=6:1")
    seat = stage.sit("chat")
    seat.say(stage.request, _PLAN)
    seat.say("同意", "10.0.0.2 deploy-ip 已")
    seat.say("取消", "确认取消？")
    seat.say("不了", "没有取消，照旧进行")
    stage.shot(seat, "说了「取消」，又说「不了」")
    seat.see("结果: 8 台全部完成")


def old_run_named(stage: Stage) -> None:
    """话里点了名的运行，说的就是那一次，不是最近的一次。"""
    seat = stage.sit("chat")
    seat.say(f"{stage.request}，只做 10.0.0.1", _PLAN)
    first = stage.run_id()
    seat.say("拒绝", "什么也没有改变")
    seat.say(f"{stage.request}，只做 10.0.0.2", _PLAN)
    seat.say("同意", "结果: 1 台全部完成")
    seat.say(f"运行 {first} 怎么样了", f"下一步: report {first}")
    stage.shot(seat, "问的是头一次")


def english(stage: Stage) -> None:
    """区域设置是英文（或带 ``--lang en``）：听的、问的、答的、报告都是英文。"""
    seat = stage.sit("chat", size=(100, 38), LANG="en_US.UTF-8")
    seat.see("loading for")
    seat.screen.gone("loading")
    seat.say(f"deploy checkin/gate {VERSION} to PEK, only 10.0.0.1, package {stage.package}", "Approve?")
    stage.shot(seat, "英文的计划")
    seat.say("what happens if I approve?", "work starts at once")
    seat.say("yes", "Result: all done, 1 workstation")
    stage.shot(seat, "先问了一句，再同意；英文的报告")


def small_screen(stage: Stage) -> None:
    """80 列 24 行：进度折成几行，不截断；问题看得全。"""
    stage.lab.add_fault("10.0.0.2:deploy:slow=5:1")
    stage.lab.add_fault("10.0.0.3:verify:fail:1")
    seat = stage.sit("chat", size=(80, 24))
    seat.say(stage.request, _PLAN)
    seat.say("同意", "10.0.0.2 deploy-ip 已 2 秒")
    stage.shot(seat, "推出途中")
    seat.see(_ROLLBACK)
    stage.shot(seat, "问题")
    seat.say("同意", "结果:")


SCENES: Final[dict[str, Callable[[Stage], None]]] = {
    "头一个夜班": first_night,
    "打错了字": typo,
    "粘贴工单": ticket,
    "暂停与继续": pause_and_resume,
    "两个终端": two_terminals,
    "停着的柜台": dark_counter,
    "挂住了": hang,
    "终端关了": terminal_closed,
    "取消又不取消了": cancel_thought_better_of,
    "点名旧的运行": old_run_named,
    "说英文": english,
    "80x24": small_screen,
}
"""名字到那一幕；次序就是页面上的次序。"""


def play(name: str) -> list[tuple[str, str]]:
    """演一幕，返回记下的 ``(说明, 看得见的)``。

    Raises:
        AssertionError: 该看见的没有看见；消息里是那时屏上的全部。

    """
    with open_stage() as stage:
        SCENES[name](stage)
        return stage.shots
