"""命令 ``upload``：把一个安装包送到 HOME，说出 HOME 手里是什么；不发布，不部署。"""

import typer

from pam_deploy_graph.cli import options as o
from pam_deploy_graph.system.terminal import put


def upload(
    param: o.Params = [],  # noqa: B006  typer 要求可重复选项以列表为默认值，这里只读
    params: o.ParamsFile = None,
    home: o.Home = o.HERE,
    as_json: o.Json = False,
) -> None:
    """把安装包送到 HOME：要 APP_NAME、MODULE_NAME、VERSION_NUMBER、PACKAGE_PATH，别的参数不看；要有令牌。"""
    from pam_deploy_graph.cli.inputs import read_params
    from pam_deploy_graph.constants import DEFAULT_PARAMS
    from pam_deploy_graph.errors import MissingParamsError
    from pam_deploy_graph.inputs.parameters import validate_params
    from pam_deploy_graph.runs.package_upload import NEEDED, upload_package

    said = read_params(param, params)
    settings = o.settings_for(home)
    given = validate_params({**DEFAULT_PARAMS, **settings.params(), **said})
    if missing := [name for name in NEEDED if not given.get(name)]:
        raise MissingParamsError(missing)
    found = upload_package(settings, given)
    if as_json:
        o.print_json(found.as_dict())
    put(found.text(), err=True)
    raise typer.Exit(found.exit_code)
