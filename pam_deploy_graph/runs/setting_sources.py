"""令牌与各个地址从哪里来，写成一行，供计划与体检。"""

from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.origins import DEFAULT
from pam_deploy_graph.settings import Settings

_ALSO: Final = ("pam_mcp_url", "pam_mcp_command", "pam_script_entry", "pam_store_url", "pam_ca_file")
_OF_MODEL: Final = ("openai_base_url", "openai_api_key")


def setting_sources(settings: Settings, home_url: str) -> str:
    """写成一行；``home_url`` 是这次用的 ``PAM_HOME_URL``。"""
    said = {"PAM_HOME_URL": settings.home_url_origin(home_url)}
    if settings.has_token():
        said["PAM_TOKEN"] = settings.token_origin()
    known = {name: settings.origin(name) for name in (*_ALSO, *_OF_MODEL)}
    said |= {name.upper(): origin for name, origin in known.items() if origin != DEFAULT}
    return tr("，").join(tr("{name} 来自{origin}", name=name, origin=origin.text) for name, origin in said.items())
