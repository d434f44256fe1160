"""``RunAccess`` 的里面：照账本看，照账本记；命令行在本机用它，服务器的路由也用它。"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import Any, Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.home.run_files import log_folder
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inventory import EMPTY, Inventory
from pam_deploy_graph.ledger import FIRST_OF_TWO, Approval, read_head
from pam_deploy_graph.ledger.rows import read_rows
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.report import summary
from pam_deploy_graph.runs import deciding, open_questions
from pam_deploy_graph.runs.access import ReportForm, RunAccess, thread_of
from pam_deploy_graph.runs.actor import Actor
from pam_deploy_graph.runs.arrangement import KEY, arranged_from, read_campaign
from pam_deploy_graph.runs.brief import brief_of
from pam_deploy_graph.runs.registration import RunRequest, has_begun, register
from pam_deploy_graph.runs.run_table import list_runs
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.runs.status import latest_unfinished, render_standing, standing
from pam_deploy_graph.runs.stopping import stopped_text
from pam_deploy_graph.system.account import current_operator

_MOST_ROWS: Final = 2_000
_GREETED: Final = 20
"""开头说到最近的几次运行。"""


class LocalRuns(RunAccess):
    """照 ``services`` 的账本；``actor`` 说此刻是谁在动手。"""

    def __init__(
        self,
        services: Services,
        *,
        actor: Callable[[], Actor] | None = None,
        warn: Callable[[str], None] = lambda _problem: None,
    ) -> None:
        """``actor`` 不给就是本机的账号；``warn`` 听名称清单写错了的话：照样看，只是没有名称。"""
        self._services, self._actor, self._warn = services, actor or services.local_actor, warn
        self._served = actor is not None
        self.operator = "" if actor else current_operator()

    def call(self, name: str, **given: Any) -> Any:
        """做 ``name`` 这一件。"""
        return getattr(self, f"_{name}")(**given)

    def _names(self) -> Inventory:
        """显示用的名称清单。"""
        try:
            return self._services.inventory
        except InvalidInputError as error:
            self._warn(tr("名称没有显示：{error}", error=error))
            return EMPTY

    def _state(self, run_id: str, *, keep_events: bool = False) -> AgentState:
        """折叠到此刻，另折一份：服务器里别的线程也在看。"""
        return self._names().lend_names(self._services.ledger.load_state(run_id, keep_events=keep_events))

    def _register(
        self,
        run_id: str,
        params: Mapping[str, Any],
        strategy: str,
        control: Mapping[str, Any],
        campaign: Mapping[str, Any],
    ) -> bool:
        """登记；经服务器的写明由哪个会话推。"""
        extra: dict[str, Any] = {"thread": thread_of(run_id)} if self._served else {}
        extra |= {KEY: arranged_from(campaign, run_id, params).as_dict()} if campaign else {}
        request = RunRequest(
            params=params,
            execution_strategy=strategy,
            run_id=run_id,
            home=self._services.home,
            environment=self._services.settings.params(),
            control_params=control,
            account=self._actor().account,
            extra=extra,
        )
        return register(self._services.ledger, request)[1]

    def _arrangement(self, campaign_id: str) -> dict[str, Any]:
        """安排。"""
        return read_campaign(self._services.ledger, campaign_id).as_dict()

    def _briefs(self, run_ids: Sequence[str]) -> list[dict[str, Any]]:
        """各一行。"""
        return [brief_of(self._services.ledger, each) for each in run_ids]

    def _exists(self, run_id: str) -> bool:
        """有没有。"""
        return self._services.ledger.exists(run_id)

    def _glance(self, run_id: str) -> dict[str, Any]:
        """要点。"""
        ledger = self._services.ledger
        if not ledger.exists(run_id):
            return {}
        record, state = ledger.get_run(run_id), self._state(run_id)
        return {
            "exit_code": record.exit_code,
            "reason": record.reason or "",
            "cancelled": record.cancelled_by is not None,
            "holder": ledger.holder(run_id) or "",
            "begun": has_begun(state),
            "touched_home": bool(state.completed_global_steps),
            "costs": open_questions.cancel_costs(state),
            "stopped": stopped_text(state),
            "targets": state.target_ips,
        }

    def _standing(self, run_id: str) -> dict[str, Any]:
        """处境。"""
        return standing(self._services.ledger, run_id, self._names())

    def _story(self, run_id: str, ip: str) -> dict[str, Any]:
        """一台的经过。"""
        from pam_deploy_graph.runs.workstation_story import story_of

        told = story_of(self._services.ledger, run_id, ip, self._names())
        state, logs = self._state(told["run_id"]), self._services.logs
        return told | {"log_tail": logs.tail(state, told["ip"]), "trace": logs.trace(state, told["ip"])}

    def _table(self, last: int) -> list[dict[str, Any]]:
        """各次运行。"""
        return list_runs(self._services.ledger, self._services.policy, last, self._names().names)

    def _report(self, run_id: str, form: ReportForm) -> Any:
        """报告。"""
        if form == "brief":
            return summary.render_report(self._state(run_id), brief=True)
        ledger, state = self._services.ledger, self._state(run_id, keep_events=True)
        head = {"ledger": ledger.ledger_id, **read_head(ledger.engine, run_id)}
        decisions = [asdict(approval) for approval in ledger.decisions(run_id)]
        if form == "md":
            tail = tr(
                "第 {seq} 行 {link}，第 {decisions} 个决定 {decision_link}",
                seq=head["seq"],
                link=head["link"],
                decisions=head["decisions"],
                decision_link=head["decision_link"] or "-",
            )
            return tr(
                "{render_report}\n账本的链尾: {tail}",
                render_report=summary.render_report(state, decisions=decisions),
                tail=tail,
            )
        whole = summary.report_object(state, decisions) | {"chain_head": head}
        return whole if form == "json" else self._page(whole, state)

    def _page(self, whole: dict[str, Any], state: AgentState) -> str:
        """报告页。"""
        from pam_deploy_graph.report.html.log_excerpts import read_log_tails
        from pam_deploy_graph.report.html.page import render_html

        home, kept = self._services.home, partial(self._services.logs.tail, state)
        return render_html(whole, logs=read_log_tails(whole, home=home, folder=log_folder(state), kept=kept))

    def _ended(self, run_id: str, *, brief: bool) -> dict[str, Any]:
        """停下之后要说的。"""
        record = self._services.ledger.get_run(run_id)
        found = {"exit_code": record.exit_code, "reason": record.reason or "", "report": ""}
        if record.exit_code is not None:
            state = self._state(run_id)
            found["report"] = summary.render_report(state, brief=brief and len(state.target_ips) >= summary.MANY)
        return found

    def _asked(self, run_id: str, ips: Sequence[str], digests: Sequence[str]) -> dict[str, Any]:
        """要答的问题；没有点名的，只是还没有人决定的。"""
        ledger = self._services.ledger
        chosen, gone = open_questions.pick(open_questions.question_on(ledger, run_id), ips, digests)
        if not ips and not digests:
            chosen = open_questions.still_open(ledger, run_id, chosen)
        return {"questions": chosen, "gone": gone, "nonce": ledger.get_run(run_id).nonce}

    def _settle(self, run_id: str, answers: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        """记下。"""
        actor, given = self._actor(), [deciding.answered_from(each) for each in answers]
        outcomes = deciding.settle_asked(self._services, run_id, given, actor)
        return {
            "operator": actor.name,
            "account": actor.account,
            "outcomes": [
                {"refused": "", "wants_another": one.subject == FIRST_OF_TWO}
                if isinstance(one, Approval)
                else {"refused": str(one), "wants_another": False}
                for one in outcomes
            ],
        }

    def _recorded(self, run_id: str, subjects: Sequence[Sequence[str]]) -> list[dict[str, Any] | None]:
        """已有的决定。"""
        found = [self._services.ledger.decision(run_id, subject, digest) for subject, digest in subjects]
        return [asdict(one) if one else None for one in found]

    def _signing(self, run_id: str) -> dict[str, Any]:
        """签名要知道的。"""
        record = self._services.ledger.get_run(run_id)
        params = record.input["params"]
        rule = self._services.policy.rule_for(params["AIRPORT_CODE"], params["APP_NAME"])
        return {"nonce": record.nonce, "required": rule is not None and rule.signed}

    def _why_not_in_advance(self, run_id: str) -> str:
        """能不能事先批准。"""
        return deciding.why_not_in_advance(self._services, run_id, self._actor())

    def _cancel(self, run_id: str) -> dict[str, Any]:
        """取消。"""
        return open_questions.cancel_run(self._services, run_id, self._actor())

    def _pause(self, run_id: str) -> None:
        """记下停着；没有登记的、结束了的、正推着的不记。"""
        ledger = self._services.ledger
        if ledger.exists(run_id) and ledger.get_run(run_id).exit_code is None and not ledger.holder(run_id):
            self._services.pause(run_id, self._actor())

    def _failed_again(self, run_id: str) -> dict[str, Any]:
        """重做的输入。"""
        from pam_deploy_graph.runs.rerun import failed_again

        return asdict(failed_again(self._services.ledger, run_id))

    def _intent(self, text: str) -> str:
        """要做什么。"""
        return str(self._services.llm_client.understand_request(text).intent)

    def _reply(self, text: str, intent: str, run_id: str, *, brief: bool) -> str:
        """答一句。"""
        from pam_deploy_graph.runs.replies import answered, kinds_asked

        if not brief and intent == "status" and not kinds_asked(self._services, text):
            return render_standing(self._standing(run_id))
        return answered(self._services, text, intent, run_id)

    def _greeting(self) -> str:
        """开头的话。"""
        from pam_deploy_graph.runs.greeting import greeting

        return greeting(self._services.ledger, self._table(_GREETED), self._names().names)

    def _unfinished(self) -> str:
        """没有结束的。"""
        return latest_unfinished(self._services.ledger)

    def _opening(self, run_id: str) -> dict[str, Any]:
        """登记。"""
        record = self._services.ledger.get_run(run_id)
        return {"input": record.input, "nonce": record.nonce, "thread": str(record.input.get("thread") or "")}

    def _events(self, run_id: str, after: int) -> dict[str, Any]:
        """后来的事件。"""
        ledger = self._services.ledger
        rows = islice(read_rows(ledger.engine, ledger.get_run(run_id).run_no, after), _MOST_ROWS)
        found = [[seq, list(events)] for seq, events in rows]
        return {"rows": found, "more": len(found) == _MOST_ROWS}
