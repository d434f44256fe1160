"""慢脚本试验的司机：``script_only`` 策略，入口是一个慢而守幂等键的 bash 脚本；由试验从外面 kill -9。

用法：``python slow_driver.py``，在当前目录里开始或恢复，问到就同意回滚，最后打印每台的结果。
"""

import json
import sys
from pathlib import Path

from pam_deploy_graph.agent import PamDeployAgent

PARAMS = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "1.3.0"}
ENTRY = Path("slow.sh")
SCRIPT = """#!/bin/bash
action=$1; shift
while [[ $# -gt 0 ]]; do
    case $1 in
        --ip) ip=$2; shift ;;
        --idempotency-key) key=$2; shift ;;
    esac
    shift
done
if [[ ${key:-} ]]; then
    until mkdir lock 2>/dev/null; do sleep 0.01; done
    if ! grep -qxF -- "$key" effects.txt 2>/dev/null; then
        sleep 0.03
        printf '%s\\n' "$key" >>effects.txt
        sleep 0.03
    fi
    rmdir lock
fi
touch effects.txt
last=$(grep -F -- ":${ip:-}:" effects.txt | tail -n 1)
verified=true
[[ ${ip:-} != 10.0.0.2 ]] || verified=false
printf '%s\\n' HOME_VERSION=1 HASH_CODE=abc PUBLISH_ID=7 NODE_URL=http://node AIRPORT_CODE=PEK \\
    IP=10.0.0.1 IP=10.0.0.2 MESSAGE="$action" VERSION=1.3.0 LOG_FILE="$ip.log" ONLINE=true RUNNING=true LAST_KEY="$last"
if [[ $action == verify-ip ]]; then echo "SUCCESS=$verified"; else echo SUCCESS=true; fi
"""


def main() -> None:
    """开始或恢复，做到底。"""
    if not ENTRY.exists():
        ENTRY.write_text(SCRIPT, encoding="utf-8")
    agent = PamDeployAgent()
    state = agent.create_state(params=PARAMS, run_id="r1", execution_strategy="script_only", script_entry=str(ENTRY))
    agent.run_deploy_flow(state)
    while state.pending_confirmation:
        agent.confirm_pending(state, approved=True)
        agent.run_deploy_flow(state)
    json.dump({ip: [w["status"], w["rollback_status"]] for ip, w in state.ip_states.items()}, sys.stdout)


if __name__ == "__main__":
    main()
