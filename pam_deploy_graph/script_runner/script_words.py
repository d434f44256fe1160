"""随包的脚本入口说的话：它只会中文，说英文时在这里换；别的脚本说的照原样。"""

import functools
import re
from typing import Final

from pam_deploy_graph.i18n import EN, language, msgid, tr

_SAID: Final = tuple(
    map(
        msgid,
        (
            "--hash-code 只能含字母、数字和 : . _ -",
            "--idempotency-key 只能含字母、数字和 : . _ -",
            "--ip 的值 {value} 不是 IP 地址",
            "--to-version 不能含引号、反斜线、/ 和控制字符",
            "{action} 需要 --hash-code",
            "{action} 需要 --ip",
            "不认识的动作 {action}",
            "不认识的选项 {option}",
            "没有给出动作",
            "缺少 --config FILE",
            "选项 {option} 不认识，或者缺少它的值",
            "PAM_HOME 没有 {name}，也没有给出 PACKAGE_PATH：请给出安装包的路径，或核对版本号",
            "curl 不能发出请求（curl {code}），请检查地址与 curl 的版本",
            "{name} 指的 {path} 用不了（curl 77），请求没有送出：应为 PEM 的证书",
            "{name} 的值 {value} 不是 http:// 或 https:// 开头的地址",
            "{where}的证书不可信（curl {code}），请求没有送出；{todo}",
            "写不了文件 {path}",
            "安装包 {path} 不存在或不可读：请核对 PACKAGE_PATH",
            "客户端证书用不了（curl 58），请求没有送出：请核对 PAM_CLIENT_CERT 与 PAM_CLIENT_KEY",
            "找不到 curl，请先安装",
            "这个环境里没有 /dev/fd（多半没有挂 /proc），bash 起不了 curl：请先挂上",
            "配置 {name} 的值 {value} 不能含引号、反斜线、/，也不能以 . 开头",
            "配置 {name} 的值 {value} 应为大于 0 的秒数",
            "配置文件 {path} 不存在或不可读",
            "配置文件 {path} 里 {name} 的值含有控制字符",
            "配置文件 {path} 里不得有 {name}：令牌只能放在环境变量 PAM_TOKEN",
            "配置文件 {path} 里有一行不是 KEY=VALUE",
            "配置文件缺少 {name}",
            "PAM_TOKEN 含有空白、引号、反斜线或非 ASCII 字符，不能放进请求头",
            "没有令牌：请设置环境变量 PAM_TOKEN",
            "与 {where}的 TLS 没有谈成（curl 35）；对方若要客户端证书，请核对 PAM_CLIENT_CERT 与 PAM_CLIENT_KEY",
            "查询节点地址时，PAM_HOME 的应答缺少 NODE_URL",
            "查询节点地址时，{why}",
            "解析不了 {where}的主机名",
            "连接 {where}超时，请求没有送出",
            "连接不上 {where}",
            "PAM_NODE 算出的散列与 --hash-code {hash} 不同：安装包在途中变了",
            "这个 PAM_NODE 不属于机场 {airport}：请核对节点地址",
            "{side} 的应答是空的，或者读不懂",
            "读不完安装包 {path}",
            "{side} 没有在时限内答复",
            "{side} 的应答超过 {limit} 字节，不能当作它的答复",
            "{side} 的应答不完整",
            "与 {side} 的连接中断，没有收到应答（curl {code}）；{todo}",
            "与 {side} 的连接中断，没有收到应答（curl {code}）",
            "与 {side} 的传输失败（curl {code}）",
            "{side} 回答 HTTP {status}：{reason}",
            "{side} 回答 HTTP {status}",
            "私有 CA 签发的请设 PAM_CA_FILE",
            "它还没有生效，请核对两边的时钟",
            "它已经过期，请对方换一张",
            "它不是发给这个主机的，请核对地址",
            "对方若要客户端证书，请核对 PAM_CLIENT_CERT",
            "{side}（{url}）",
            "（空）",
        ),
    )
)
"""脚本说的每一句，次序是先认哪一句。"""
_HOLE: Final = re.compile(r"\\\{(\w+)\\\}")


def retold(said: str) -> str:
    """说英文时，把脚本的一句换成英文；不认得的照原样。"""
    if language() != EN:
        return said
    for template, shape in _shapes():
        if match := shape.fullmatch(said):
            return tr(template, **{name: retold(part) for name, part in match.groupdict().items()})
    return said


@functools.cache
def _shapes() -> list[tuple[str, re.Pattern[str]]]:
    """每一句的样子，洞里是什么都行。"""
    return [(said, re.compile(_HOLE.sub(r"(?P<\1>.+?)", re.escape(said)), re.DOTALL)) for said in _SAID]
