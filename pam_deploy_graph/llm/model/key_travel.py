"""模型的密钥去的地方，来源不可以比它弱（contract 第 8 节）。"""

from typing import Final

from pam_deploy_graph.inputs.origins import refuse_weaker
from pam_deploy_graph.settings import Settings

_OPENAI: Final = "https://api.openai.com/v1"


def check_key_travel(settings: Settings) -> None:
    """没有设地址的，密钥去的是 OpenAI 自己。

    Raises:
        InvalidInputError: 不可以去。

    """
    if not settings.openai_api_key.get_secret_value():
        return
    its, origin = settings.origin("openai_api_key"), settings.origin("openai_base_url")
    refuse_weaker("OPENAI_API_KEY", its, "OPENAI_BASE_URL", settings.openai_base_url or _OPENAI, origin)
    if settings.pam_ca_file:
        refuse_weaker("OPENAI_API_KEY", its, "PAM_CA_FILE", settings.pam_ca_file, settings.origin("pam_ca_file"))
