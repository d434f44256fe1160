#!/usr/bin/env bash
# 建好（或补齐）虚拟环境：tools/make_venv.sh 目录
# 已有的环境不重建，只让 pip 照锁文件补齐；找解释器时 PYTHON 环境变量优先。
set -euo pipefail

readonly venv=${1:?用法: tools/make_venv.sh 目录}
readonly min='(3, 11)'

die() {
    printf '错误：%s\n' "$1" >&2
    exit 1
}

# 逐个试候选，打印第一个够新的解释器。
find_python() {
    local candidate
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
        if "${candidate}" -c "import sys; sys.exit(sys.version_info < ${min})" 2>/dev/null; then
            printf '%s\n' "${candidate}"
            return 0
        fi
    done
    return 1
}

create() {
    local python
    python=$(find_python) || die "没有找到 Python 3.11 或更新的版本；装好后再试，或用 make PYTHON=/路径/python3 指定"
    if ! "${python}" -c 'import ensurepip, venv' 2>/dev/null; then
        die "${python} 缺少 venv 模块；Debian、Ubuntu 请执行 apt install python3-venv（Fedora、RHEL 自带）后再试"
    fi
    printf '用 %s 建立 %s ……\n' "${python}" "${venv}" >&2
    "${python}" -m venv "${venv}"
}

pip_install() {
    "${venv}/bin/python" -m pip --disable-pip-version-check --no-input install --quiet --quiet --no-compile "$@" ||
        die "安装依赖失败，原因见上；内网请先配好 pip 的软件源（pip config set global.index-url 地址）"
}

# 换了位置或删了解释器的旧环境跑不起来，只有这时才重建。
if ! "${venv}/bin/python" -c 'import pip' 2>/dev/null; then
    rm -rf -- "${venv}"
    create
fi
printf '照 requirements.lock 安装依赖 ……\n' >&2
pip_install --require-hashes --requirement requirements.lock
pip_install --no-deps --no-build-isolation --editable .
