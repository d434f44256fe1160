"""另一种后端：直接用 HTTP 找 PAM_NODE。一个有 ``run_action`` 的类，标准库就够。"""

import json
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from pam_deploy_graph.home.run_files import log_folder
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.protocol.outcome import Transport, classify, explain, own_error, retry_after
from pam_deploy_graph.script_runner.result import parse_output
from pam_deploy_graph.system.private_files import write_private

NAME = "http"
"""计划与报告里的名字，与入口点的相同。"""


class HttpNodeRunner:
    """NODE 一侧的动作；令牌只进请求头。"""

    def __init__(self, token: str) -> None:
        """``token`` 是 PAM 的令牌。"""
        self._token, self._opener = token, build_opener(ProxyHandler({}))

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """做一个动作；没有送到是失败，送到了而没有答复是「结果未知」。"""
        method, path, body = _route(state, action, kwargs)
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "text/plain", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": kwargs["idempotency_key"]} if "idempotency_key" in kwargs else {}
        data, url = json.dumps(body).encode() if body else None, state.node_url + path
        request = Request(url, data, headers, method=method)  # noqa: S310 地址由 HOME 给出
        limit = float(kwargs.get("time_limit") or state.params["REQUEST_TIMEOUT"])
        try:
            with self._opener.open(request, timeout=limit) as answer:
                text = answer.read().decode()
        except HTTPError as error:
            page, later = error.read(), retry_after(error.headers.get("Retry-After", ""))
            code = classify(Transport.ANSWERED, error.code, page)
            return _failed(action, kwargs, f"HTTP {error.code} {own_error(page) or error.reason}", code, later)
        except OSError as error:
            return _failed(action, kwargs, f"PAM_NODE 没有答复：{error}", classify(_reached(error)))
        if action == "download-log":
            write_private(log := log_folder(state) / f"{kwargs['ip'].replace(':', '_')}.log", text.encode())
            return ActionResult(True, action, NAME, {"LOG_FILE": str(log)})
        return ActionResult(True, action, NAME, dict(parse_output(text)))


def _failed(action: str, given: dict[str, Any], reason: str, code: int, later: float | None = None) -> ActionResult:
    """失败的结果：开头说哪个动作、哪一台；结果未知的由退出码说。"""
    return ActionResult.failure(
        action, NAME, explain(action, given.get("ip"), reason, code), exit_code=code, retry_after=later
    )


def _reached(error: OSError) -> Transport:
    """请求走到了哪里：没有送出，到了时限，还是送出之后断了。"""
    why = error.reason if isinstance(error, URLError) else error
    if isinstance(why, ConnectionRefusedError):
        return Transport.UNSENT
    return Transport.TIMED_OUT if isinstance(why, TimeoutError) else Transport.BROKEN


def _route(state: AgentState, action: str, given: dict[str, Any]) -> tuple[str, str, dict[str, Any] | None]:
    """动作对应的方法、路径与正文。"""
    of = {"app": state.params["APP_NAME"], "module": state.params["MODULE_NAME"]}
    if action == "get-online-ips":
        return "GET", "/api/workstations?online=true", None
    if action == "sync-node":
        return "POST", "/api/sync", of | {"version": state.params["VERSION_NUMBER"], "hash": given["hash_code"]}
    query, place = f"?app={of['app']}&module={of['module']}", f"/api/workstations/{given['ip']}"
    if action in ("query-ip", "download-log"):
        return "GET", place + ("/log" if action == "download-log" else "") + query, None
    more = {name: given[name] for name in ("stop_first", "to_version") if given.get(name) is not None}
    more = more or {"version": state.params["VERSION_NUMBER"]}
    return "POST", f"{place}/{action.removesuffix('-ip')}", of | more
