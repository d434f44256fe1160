"""错误之树：每种错误自带命令行退出码，只在命令行一处统一捕获。

::

    PamError                      1  程序缺陷或未归类的错误
    ├── InvalidInputError         2  输入不合规则（也是 ValueError）
    │   ├── MissingParamsError    2  缺少必填参数
    │   ├── RunNotFoundError      2  没有这个 run_id
    │   ├── RunConflictError      2  run_id 已被另一份输入占用
    │   └── ConfirmationError     2  没有待确认事项、种类不符、问题已变
    │       ├── AlreadyDecidedError  2  别人已经先作了决定
    │       └── PolicyRefusedError  10  策略不许这个人作这个决定，等别人来
    ├── RunHeldError              2  另一个存活的进程正握着这次运行
    ├── RunPausedError           12  按要求停下，随时可以继续
    ├── GlobalStepError          12  全局步骤失败（也是 RuntimeError）
    │   ├── PackageMissingError   2  HOME 没有该版本，也没有给出安装包
    │   ├── PlanChangedError     12  批准的计划与此刻的不符（安装包、地址、程序）
    │   └── ModuleBusyError      12  同一机场的同一模块正由另一次运行占着
    ├── NoProgressError          12  同一个问题按同一个决定答了又问，或推一步什么也没有多：停下，不空转
    ├── EmptyScopeError          12  指定的范围里一台可部署的都没有
    ├── ServerError              12  LangGraph 服务器连不上或出了错
    └── LedgerError              12  账本不可写、损坏或版本不符：在下一次动手之前停下
        ├── StaleFenceError      12  租约已被别的进程接管
        ├── LedgerDamagedError   12  哈希链断裂，或登记与链上的不符
        └── RecordsDisagreeError 12  检查点与账本对不上：账本落后、是另一份或改动过

后端「意料之中的失败」不是异常，而是 ``ActionResult(ok=False)``。
"""

from collections.abc import Sequence

from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.i18n import tr


class PamError(Exception):
    """本项目一切错误的根；消息是写给操作员看的中文。"""

    exit_code: int = ExitCode.BUG


class InvalidInputError(PamError, ValueError):
    """输入不合规则：消息指出参数、值和规则。"""

    exit_code = ExitCode.USAGE


class MissingParamsError(InvalidInputError):
    """缺少必填参数；``names`` 按 ``REQUIRED_PARAMS`` 的顺序。"""

    def __init__(self, names: Sequence[str]) -> None:
        """记下缺少的参数名并生成规定的消息。"""
        self.names = list(names)
        super().__init__(tr("缺少必填参数: ") + ", ".join(names))


class RunNotFoundError(InvalidInputError):
    """没有这个 run_id，或还没有任何运行。"""

    def __init__(self, run_id: str = "") -> None:
        """说出找不到的 run_id；空串表示还没有任何运行。"""
        named = tr("没有找到运行 {run_id}；用 runs 命令查看已有的运行", run_id=run_id)
        super().__init__(named if run_id else tr("还没有任何运行；用 run 或 chat 开始一次"))


class RunConflictError(InvalidInputError):
    """run_id 已被另一份输入占用。"""


class ConfirmationError(InvalidInputError):
    """没有待确认事项，或答非所问。"""


class AlreadyDecidedError(ConfirmationError):
    """同一个问题已有人先作了决定。"""


class PolicyRefusedError(ConfirmationError):
    """站点的策略不许这个人作这个决定；已经记下来了。"""

    exit_code = ExitCode.WAITING


class RunHeldError(PamError):
    """另一个存活的进程正握着这次运行。"""

    exit_code = ExitCode.USAGE


class RunPausedError(PamError):
    """按要求停下（例如 Ctrl-C）：进行中的已做完，随时可以继续。"""

    exit_code = ExitCode.STOPPED


class GlobalStepError(PamError, RuntimeError):
    """全局步骤失败；消息形如 ``<action> 执行失败: <reason>``。"""

    exit_code = ExitCode.STOPPED


class PackageMissingError(GlobalStepError):
    """HOME 没有该版本，也没有给出可用的安装包。"""

    exit_code = ExitCode.USAGE


class PlanChangedError(GlobalStepError):
    """批准的计划与此刻的不符：换了安装包、地址或程序；要请人再批准。"""


class ModuleBusyError(GlobalStepError):
    """同一机场的同一模块正由另一次没有结束的运行占着。"""


class NoProgressError(PamError):
    """同一个问题按账本里的同一个决定答过，又问了一遍；或推了一步，什么也没有多出来：停下，不空转。"""

    exit_code = ExitCode.STOPPED


class EmptyScopeError(PamError):
    """指定了范围，但范围里没有一台可以部署；绝不因此变成「全部」。"""

    exit_code = ExitCode.STOPPED


class ServerError(PamError):
    """LangGraph 服务器连不上，或那边出了错；会话留在原处。"""

    exit_code = ExitCode.STOPPED


class LedgerError(PamError):
    """账本不可写或不可读：停在下一次动手之前。"""

    exit_code = ExitCode.STOPPED


class StaleFenceError(LedgerError):
    """本进程的租约已被接管，不得再写、不得再动手。"""


class LedgerDamagedError(LedgerError):
    """账本的哈希链断裂，指出断在哪一行。"""


class RecordsDisagreeError(LedgerError):
    """检查点与账本两份记录对不上：停下，什么也不改变。"""
