"""``langgraph.json`` 指的入口：不带检查点器的图，由 LangGraph 服务器自己配。"""

from pam_deploy_graph.graph import build_graph
from pam_deploy_graph.graph.served import served

graph = build_graph(services=served())
