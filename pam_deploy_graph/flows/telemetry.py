"""可观测性：OpenTelemetry 的跨度与 JSON 日志；默认都关着，关着时不载入任何东西。

跨度三种：``pam.run``（握着一次运行的一段）、``pam.wave``（一波）、``pam.action``（一次动作）。
属性只有名字、地址与结论，没有一句自由文字，秘密因此无从混入。
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import Event
from pam_deploy_graph.system.terminal import plain_json

Note = Callable[..., None]
"""给跨度补上属性的函数：``note(ok=True)``。"""
Span = Callable[..., AbstractContextManager[Note]]
"""``with span("pam.action", action="stop-ip") as note:``。"""

LOGGER: Final = "pam_deploy_graph.events"
_PREFIX: Final = "pam."
_EXTRA: Final = "pam_event"


def _ignore(**_attributes: Any) -> None:
    """关着的时候什么也不记。"""


_OFF: Final = nullcontext[Note](_ignore)


def no_span(_name: str, **_attributes: Any) -> AbstractContextManager[Note]:
    """关着的跨度：同一个空对象，进出都不做事。"""
    return _OFF


def open_tracing(*, on: bool) -> Span:
    """按设置 ``PAM_OTEL`` 返回造跨度的函数。

    宿主已经配好 OpenTelemetry 就用宿主的；否则经 OTLP 送往标准变量 ``OTEL_EXPORTER_OTLP_ENDPOINT`` 指的地方。

    Args:
        on: 开没开。

    Raises:
        InvalidInputError: 开了而没有装附加依赖 ``otel``。

    """
    if not on:
        return no_span
    try:
        from opentelemetry import trace

        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(_provider())
    except ImportError:
        raise InvalidInputError(
            tr("PAM_OTEL 开着而没有装 OpenTelemetry；请 pip install 'pam-deploy-graph[otel]'")
        ) from None
    return span_maker(trace.get_tracer("pam_deploy_graph"))


def span_maker(tracer: Any) -> Span:
    """用一个 OpenTelemetry 的 ``Tracer`` 造跨度；出错只记下错误的类型，不记消息。"""

    @contextmanager
    def span(name: str, **attributes: Any) -> Iterator[Note]:
        """一个跨度；``ok=False`` 标成错误。"""
        options = {"record_exception": False, "set_status_on_exception": False}
        with tracer.start_as_current_span(name, attributes=_named(attributes), **options) as current:

            def note(**more: Any) -> None:
                """补上属性。"""
                current.set_attributes(_named(more))
                if more.get("ok") is False:
                    _fail(current)

            try:
                yield note
            except BaseException as error:
                note(error=type(error).__name__, ok=False)
                raise

    return span


def log_events(run_id: str) -> Callable[[Event], None]:
    """返回一个听众：每个账本事件记一行日志（``PAM_LOG_JSON`` 开着时用）。"""
    logger = logging.getLogger(LOGGER)

    def listener(event: Event) -> None:
        """记一行。"""
        logger.info(event["type"], extra={_EXTRA: {"run_id": run_id, **event}})

    return listener


def start_json_logs() -> None:
    """让账本事件以 JSON 行出现在标准错误；宿主已给这个日志器配过处理器就不动它。"""
    logger = logging.getLogger(LOGGER)
    if logger.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


class JsonFormatter(logging.Formatter):
    """一条记录一行 JSON。"""

    def format(self, record: logging.LogRecord) -> str:
        """时间（秒）、级别、事件类型，加上事件的各个键。"""
        told = {
            "time": record.created,
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        return plain_json(json.dumps(told | getattr(record, _EXTRA, {}), ensure_ascii=False, default=str))


def _named(attributes: dict[str, Any]) -> dict[str, Any]:
    """加上前缀；空的不记。"""
    return {_PREFIX + name: value for name, value in attributes.items() if value is not None}


def _fail(current: Any) -> None:
    """把跨度标成错误。"""
    from opentelemetry.trace import StatusCode

    current.set_status(StatusCode.ERROR)


def _provider() -> Any:
    """宿主没有配过时，经 OTLP 送出。"""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "pam-deploy-graph"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
