"""``langgraph.json`` 的 ``http.app`` 指的入口：``--server`` 的命令用的路由。"""

from pam_deploy_graph.graph.served import served
from pam_deploy_graph.graph.server_routes import server_app

app = server_app(served())
