"""LangGraph 服务器的进程里只有一份部件：图与路由共用，账本只开一次。"""

import functools

from pam_deploy_graph.runs.services import Services


@functools.cache
def served() -> Services:
    """返回它；设置取自环境，用到才建。"""
    return Services()
