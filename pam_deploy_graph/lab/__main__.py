"""``python -m pam_deploy_graph.lab``：只有 ``lab`` 一个命令的程序。"""

import sys

from pam_deploy_graph.lab.command import lab
from pam_deploy_graph.system.single_command import run_single

if __name__ == "__main__":
    sys.exit(run_single(lab))
