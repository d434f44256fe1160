"""检查点：一次运行的状态存成一个 JSON 文件，以及打开 LangGraph 的检查点器（SQLite 或 PostgreSQL）。"""

from pam_deploy_graph.checkpoint_store.json_file import load_checkpoint, save_checkpoint
from pam_deploy_graph.checkpoint_store.opening import known_threads, open_async_saver, open_saver

__all__ = ["known_threads", "load_checkpoint", "open_async_saver", "open_saver", "save_checkpoint"]
