"""脚本后端：把一个动作译成一次脚本调用（依据 contract 第 3 节「脚本后端」）。"""

from pam_deploy_graph.script_runner.entry import find_script_entry, select_script_entry
from pam_deploy_graph.script_runner.runner import ScriptActionRunner, build_argv, child_env, parse_output

__all__ = ["ScriptActionRunner", "build_argv", "child_env", "find_script_entry", "parse_output", "select_script_entry"]
