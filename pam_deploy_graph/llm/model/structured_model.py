"""向一个 OpenAI 兼容的模型问一个问题，要它按模式回答；有总时限，最多问两次。"""

import queue
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, SecretStr

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.model.prompts import Messages
from pam_deploy_graph.system.masking import masked
from pam_deploy_graph.system.tls import certificate_problem

_AnswerT = TypeVar("_AnswerT", bound=BaseModel)
_METHODS: Final = ("json_schema", "function_calling")
_BACK_OFF_SECONDS: Final = 0.3
_BUSY: Final = frozenset({408, 409, 425, 429})
_SERVER_ERROR: Final = 500
_MOST_BYTES: Final = 1 << 20


class ModelUnavailableError(Exception):
    """模型没有给出合乎模式的回答；消息是写给操作员看的原因。"""


@dataclass
class StructuredModel:
    """怎样找到模型；``timeout`` 是一问一答连同重试的总时限，秒。"""

    name: str
    base_url: str
    api_key: SecretStr
    timeout: float
    tls: ssl.SSLContext | None = None

    def ask(self, schema: type[_AnswerT], messages: Messages) -> _AnswerT:
        """在总时限内问，不行再问一次；像是不支持 JSON 模式的，第二次改用函数调用。

        Args:
            schema: 回答的模式。
            messages: （角色，内容）的列表。

        Returns:
            合乎模式的回答。

        Raises:
            ModelUnavailableError: 两次都没有合乎模式的回答，或者到了总时限。

        """
        import langchain_openai  # noqa: F401  头一次载入很慢，不算进总时限

        deadline = time.monotonic() + self.timeout
        method = _METHODS[0]
        failure = _Failure(tr("{timeout:g} 秒内没有回答", timeout=self.timeout), again="")
        for _ in _METHODS:
            try:
                return _within(deadline - time.monotonic(), partial(self._call, schema, messages, method))
            except TimeoutError:
                break
            except Exception as error:  # noqa: BLE001  模型与网络的错五花八门，一律换成离线规则
                failure = _diagnose(error)
            if not failure.again or time.monotonic() + _BACK_OFF_SECONDS >= deadline:
                break
            method = _METHODS[1] if failure.again == "otherwise" else method
            time.sleep(_BACK_OFF_SECONDS if failure.again == "same" else 0)
        raise ModelUnavailableError(failure.reason)

    def _call(self, schema: type[_AnswerT], messages: Messages, method: str) -> _AnswerT:
        """问一次；回答先过遮盖之门。"""
        answer = self._chat.with_structured_output(schema, method=method).invoke(messages)
        return schema.model_validate(masked(schema.model_validate(answer).model_dump()))

    @cached_property
    def _chat(self) -> Any:
        """建好 langchain 的聊天模型；第一次要用时才导入。"""
        import httpx
        from langchain_openai import ChatOpenAI

        from pam_deploy_graph.system.bounded_http import PLAIN, bound

        trust = self.tls or ssl.create_default_context()  # 不给的话 httpx 信自带的一份，与脚本、MCP 不同
        client = httpx.Client(  # 密钥只去说好的地址：不跟重定向；代理照标准的环境变量，PAM 与 MCP 不经代理
            timeout=self.timeout,
            follow_redirects=False,
            verify=trust,
            headers=PLAIN,
            event_hooks={"response": [bound(self.timeout, _MOST_BYTES)]},
        )
        return ChatOpenAI(
            model=self.name,
            base_url=self.base_url or None,
            api_key=self.api_key if self.api_key.get_secret_value() else SecretStr("not-needed"),
            timeout=self.timeout,
            temperature=0,
            max_retries=0,
            http_client=client,
            http_async_client=httpx.AsyncClient(verify=trust),  # 用不着；不给的话它自己造一个，证书又读一遍
            use_responses_api=False,
        )


@dataclass(frozen=True)
class _Failure:
    """一次没问成：写给操作员的原因；再问时照旧（same）、换个问法（otherwise），还是不再问（空串）。"""

    reason: str
    again: Literal["same", "otherwise", ""]


def _diagnose(error: Exception) -> _Failure:
    """看是哪一种错；原因里只有类别，不带对方的原文，以免夹带密钥或指令。"""
    if isinstance(error, ImportError) or type(error.__cause__).__name__ == "AnswerTooBigError":
        lacking = tr("程序缺少库 {error}，请重新安装", error=error.name) if isinstance(error, ImportError) else ""
        return _Failure(lacking or tr("回答太大、太慢或是压缩的，没有收"), again="")
    status = getattr(error, "status_code", None)
    if status in {401, 403}:
        return _Failure(tr("密钥不被接受（HTTP {status}），请检查 OPENAI_API_KEY", status=status), again="")
    if status is None and "Connection" in type(error).__name__:
        bad = certificate_problem(error)
        return _Failure(bad or tr("连不上，请检查 OPENAI_BASE_URL"), again="" if bad else "same")
    if "Timeout" in type(error).__name__:
        return _Failure(tr("超时"), again="same")
    if status is None:
        return _Failure(tr("回答不合模式"), again="otherwise")
    return _Failure(f"HTTP {status}", again="same" if status in _BUSY or status >= _SERVER_ERROR else "otherwise")


def _within(seconds: float, work: Callable[[], _AnswerT]) -> _AnswerT:
    """在另一个线程里做，到点就不等了；线程是守护线程，不拖住进程。

    Raises:
        TimeoutError: 到点还没有做完。

    """
    done: queue.Queue[_AnswerT | Exception] = queue.Queue(1)

    def run() -> None:
        """做完把结果或错误放进队列。"""
        try:
            done.put(work())
        except Exception as error:  # noqa: BLE001  原样交给等的一方
            done.put(error)

    threading.Thread(target=run, daemon=True, name="llm").start()
    try:
        outcome = done.get(timeout=max(0.0, seconds))
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
