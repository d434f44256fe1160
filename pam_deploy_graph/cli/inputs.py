"""把命令行给的参数读成一份 ``RunRequest``；不合规则的在这里就报错。"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pam_deploy_graph.cli.options import give, settings_for
from pam_deploy_graph.cli.reaching import reaching
from pam_deploy_graph.config_writer import parse_config
from pam_deploy_graph.constants import DEFAULT_STRATEGY
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.parameters import validate_control, validate_params
from pam_deploy_graph.inventory import name_scopes, open_inventory
from pam_deploy_graph.runs.registration import RunRequest
from pam_deploy_graph.system.given_files import open_regular, read_given
from pam_deploy_graph.system.trusted_files import distrust


def read_params(pairs: Sequence[str], file: Path | None) -> dict[str, object]:
    """读 ``--params`` 文件与 ``--param``；后者压过前者。给出的 ``PAM_HOME_URL`` 就是这个命令的设置。

    Raises:
        InvalidInputError: 文件读不了或看不懂，某一项不是 KEY=VALUE，或 ``PAM_HOME_URL`` 不合规则。

    """
    params: dict[str, object] = dict(_file(file)) if file else {}
    if file and "PAM_HOME_URL" in params and (reason := distrust(file.stat()) or distrust(file.parent.stat())):
        raise InvalidInputError(tr("参数文件 {path} 里的 PAM_HOME_URL 不算数：{reason}", path=file, reason=reason))
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InvalidInputError(tr("--param 的值 {pair!r} 不是 KEY=VALUE 的形式", pair=pair))
        params[name] = value
    if url := params.get("PAM_HOME_URL"):
        give(pam_home_url=validate_params({"PAM_HOME_URL": url})["PAM_HOME_URL"])
    return params


def read_control(given: Mapping[str, Any]) -> dict[str, Any]:
    """去掉没有给的控制参数；给了空值的留着，由检查去报错，绝不当作没有给（空的 ``--targets`` 不是「全部」）。"""
    said = {name: value for name, value in given.items() if value is not None and value is not False and value != []}
    return {name: ",".join(value) if isinstance(value, list) else value for name, value in said.items()}


def of_failed(
    home: Path, run_id: str, params: Mapping[str, object], control: Mapping[str, object], strategy: str | None
) -> tuple[dict[str, object], dict[str, object], str]:
    """取一次结束了的运行的输入，目标是其中没有成功的；这次给出的压过原来的。

    Raises:
        InvalidInputError: 同时给了目标；没有这次运行、它还没有结束，或没有不成功的。

    """
    if "target_ips" in control:
        raise InvalidInputError(
            tr("--failed-of 与 --targets 不能同时给：目标就是没有成功的那几台，可以用 --exclude 去掉几台")
        )
    with reaching(home, run_id) as runs:
        before = runs.failed_again(run_id)
    return {**before["params"], **params}, {**before["control"], **control}, strategy or before["strategy"]


def read_strategy(strategy: str | None) -> str:
    """检查执行策略；``None`` 是没有给，用默认的。

    Raises:
        InvalidInputError: 不认识的策略，包括空串。

    """
    given = str(DEFAULT_STRATEGY) if strategy is None else strategy
    return str(validate_control({"execution_strategy": given})["execution_strategy"])


def make_request(
    params: Mapping[str, object],
    control: Mapping[str, object],
    *,
    strategy: str | None,
    run_id: str | None,
    home: Path,
) -> RunRequest:
    """合成一份运行请求。

    Args:
        params: 部署参数。
        control: 控制参数。
        strategy: 执行策略；``None`` 用默认值。
        run_id: 运行名；``None`` 按时间取。
        home: 工作目录。

    Raises:
        InvalidInputError: 安装包不存在或读不了，名称清单写错了，或有清单里没有的名称。

    """
    package = str(params.get("PACKAGE_PATH") or "")
    check_package(package)
    whole = {"PACKAGE_PATH": str(Path(package).absolute())} if package else {}
    settings = settings_for(home)
    return RunRequest(
        params={**params, **whole},
        execution_strategy=str(DEFAULT_STRATEGY) if strategy is None else strategy,
        run_id=run_id,
        home=home,
        environment=settings.params(),
        control_params=name_scopes(control, open_inventory(settings.pam_inventory), files=True),
    )


def check_package(path: str) -> None:
    """安装包若给了就必须存在且读得了。"""
    if not path:
        return
    try:
        with open_regular(path) as file:
            file.read(1)
    except OSError as error:
        raise InvalidInputError(
            tr("PACKAGE_PATH 指的安装包 {path} 读不了：{problem}；请检查路径", path=path, problem=error.strerror)
        ) from None


def read_keys(path: Path) -> str:
    """读公钥的文件。

    Raises:
        InvalidInputError: 读不了，太大，或不是文本。

    """
    try:
        return read_given(path).decode()
    except OSError as error:
        raise InvalidInputError(tr("公钥的文件 {path} 读不了：{problem}", path=path, problem=error.strerror)) from None
    except UnicodeDecodeError:
        raise InvalidInputError(tr("公钥的文件 {path} 不是 UTF-8 文本，请核对路径", path=path)) from None


def _file(path: Path) -> Mapping[str, object]:
    """读参数文件；记事本存的（带 BOM、回车换行）也读得懂。"""
    try:
        text = read_given(path).decode("utf-8-sig").replace("\r\n", "\n")
        if not text.lstrip().startswith(("{", "[")):
            return parse_config("\n".join(line for line in text.split("\n") if line.strip()))
        data = json.loads(text)
    except OSError as error:
        raise InvalidInputError(tr("参数文件 {path} 读不了：{problem}", path=path, problem=error.strerror)) from None
    except UnicodeDecodeError:
        raise InvalidInputError(tr("参数文件 {path} 不是 UTF-8 文本，请另存为 UTF-8", path=path)) from None
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            tr(
                "参数文件 {path} 不是完整的 JSON：第 {lineno} 行第 {colno} 列",
                path=path,
                lineno=error.lineno,
                colno=error.colno,
            )
        ) from None
    except InvalidInputError as error:
        raise InvalidInputError(tr("参数文件 {path} 看不懂：{error}", path=path, error=error)) from None
    if not isinstance(data, dict):
        raise InvalidInputError(tr('参数文件 {path} 里应为一个 JSON 对象，例如 {{"AIRPORT_CODE": "PEK"}}', path=path))
    return data
