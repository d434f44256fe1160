"""看运行、作决定的一个口：命令只认 ``RunAccess``，账本在本机还是在服务器后面由它的两个实现去管（contract 第 8 节）。

进出的都是 JSON 值：服务器的路由（``graph.server_routes``）与它的客户端（``graph.server_runs``）就是这一张表。
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

ReportForm = Literal["md", "json", "html", "brief"]


def thread_of(run_id: str) -> str:
    """经服务器的一次运行，会话叫什么；由运行名算出，换一台机器也是它。"""
    return str(uuid5(NAMESPACE_URL, f"pam-deploy:{run_id}"))


class RunAccess(ABC):
    """每个方法都经 ``call``；``operator`` 是自报的名字，空串是由验过的身份来说。"""

    operator: str = ""

    @abstractmethod
    def call(self, name: str, **given: Any) -> Any:
        """做 ``name`` 这一件，返回 JSON 值。"""

    def register(
        self,
        run_id: str,
        params: Mapping[str, Any],
        strategy: str,
        control: Mapping[str, Any],
        campaign: Mapping[str, Any] | None = None,
    ) -> bool:
        """登记一次运行，返回是不是新的；``campaign`` 是它所属的多机场安排。没有给的照账本那一边的设置。"""
        given = {"params": dict(params), "strategy": strategy, "control": dict(control)}
        return bool(self.call("register", run_id=run_id, campaign=dict(campaign or {}), **given))

    def arrangement(self, campaign_id: str) -> dict[str, Any]:
        """一次多机场部署的安排，见 ``arrangement.Campaign``。"""
        return dict(self.call("arrangement", campaign_id=campaign_id))

    def briefs(self, run_ids: Sequence[str]) -> list[dict[str, Any]]:
        """各次运行的一行，同序，见 ``brief.brief_of``；没有登记的为空。"""
        return list(self.call("briefs", run_ids=list(run_ids)))

    def exists(self, run_id: str) -> bool:
        """有没有登记过这次运行。"""
        return bool(self.call("exists", run_id=run_id))

    def glance(self, run_id: str) -> dict[str, Any]:
        """一次运行的要点：``exit_code``、``reason``、``begun``、``costs``、``stopped`` 等；没有登记的为空。"""
        return dict(self.call("glance", run_id=run_id))

    def standing(self, run_id: str = "") -> dict[str, Any]:
        """一次运行的处境，见 ``status.standing``；空串是最近一次。"""
        return dict(self.call("standing", run_id=run_id))

    def story(self, run_id: str, ip: str) -> dict[str, Any]:
        """一台工作站的经过，见 ``workstation_story.story_of``。"""
        return dict(self.call("story", run_id=run_id, ip=ip))

    def table(self, last: int) -> list[dict[str, Any]]:
        """最近的运行各一行，新的在前，见 ``run_table.list_runs``。"""
        return list(self.call("table", last=last))

    def report(self, run_id: str, form: ReportForm) -> Any:
        """报告：``json`` 是对象，别的是文字；``brief`` 只写没做好的各台。"""
        return self.call("report", run_id=run_id, form=form)

    def ended(self, run_id: str, *, brief: bool) -> dict[str, Any]:
        """停下之后要说的：``exit_code``、``reason``，结束了的另有 ``report``；``brief`` 是台数多的只写没做好的。"""
        return dict(self.call("ended", run_id=run_id, brief=brief))

    def asked(self, run_id: str, ips: Sequence[str], digests: Sequence[str]) -> dict[str, Any]:
        """这一次要答的 ``questions``、摘要对不上的 ``gone``，与签名用的 ``nonce``；见 ``open_questions.pick``。"""
        return dict(self.call("asked", run_id=run_id, ips=list(ips), digests=list(digests)))

    def settle(self, run_id: str, answers: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        """记下一批决定，见 ``deciding.settle_asked``：``operator``、``account`` 与同序的 ``outcomes``。"""
        return dict(self.call("settle", run_id=run_id, answers=[dict(each) for each in answers]))

    def recorded(self, run_id: str, subjects: Sequence[Sequence[str]]) -> list[dict[str, Any] | None]:
        """问题（``[对象, 摘要]``）已有的决定，同序；没有的为 ``None``。"""
        return list(self.call("recorded", run_id=run_id, subjects=[list(each) for each in subjects]))

    def signing(self, run_id: str) -> dict[str, Any]:
        """签名要知道的：登记的随机数 ``nonce``，策略要不要签名 ``required``。"""
        return dict(self.call("signing", run_id=run_id))

    def why_not_in_advance(self, run_id: str) -> str:
        """``--yes`` 能不能代替批准，见 ``deciding.why_not_in_advance``；能的为空串。"""
        return str(self.call("why_not_in_advance", run_id=run_id))

    def cancel(self, run_id: str) -> dict[str, Any]:
        """取消，见 ``open_questions.cancel_run``。"""
        return dict(self.call("cancel", run_id=run_id))

    def pause(self, run_id: str) -> None:
        """没有进程正做着的，记下有人要它停着。"""
        self.call("pause", run_id=run_id)

    def failed_again(self, run_id: str) -> dict[str, Any]:
        """重做没有成功的那几台的输入：``params``、``strategy``、``control``；见 ``rerun.failed_again``。"""
        return dict(self.call("failed_again", run_id=run_id))

    def intent(self, text: str) -> str:
        """一句话要做什么。"""
        return str(self.call("intent", text=text))

    def reply(self, text: str, intent: str, run_id: str, *, brief: bool = True) -> str:
        """就地答一句问话，不是在问的为空串；问进度而 ``brief`` 为假的说全。"""
        return str(self.call("reply", text=text, intent=intent, run_id=run_id, brief=brief))

    def greeting(self) -> str:
        """对话开头的话，见 ``greeting``。"""
        return str(self.call("greeting"))

    def unfinished(self) -> str:
        """最近一次没有结束的运行；没有为空串。"""
        return str(self.call("unfinished"))

    def opening(self, run_id: str) -> dict[str, Any]:
        """登记的输入 ``input``、随机数 ``nonce``，与开着它的会话 ``thread``（不是经服务器开的为空串）。"""
        return dict(self.call("opening", run_id=run_id))

    def events(self, run_id: str, after: int) -> dict[str, Any]:
        """``after`` 行之后的事件：``rows`` 里各一行 ``[行号, 事件]``，一次至多这么多行，还有的 ``more`` 为真。"""
        return dict(self.call("events", run_id=run_id, after=after))
