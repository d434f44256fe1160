#!/usr/bin/env bash
# 打出 Linux 整包：建好构建用的虚拟环境，再运行 tools/bundle 里给出的步骤。
#   packaging/bundle.sh build|compare|page ...
# 构建环境在 build/bundle-venv，与日常的 .venv 分开：整包里只有锁住的依赖，日常环境里也不多出构建的工具。
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

readonly venv=build/bundle-venv step=${1:?用法: packaging/bundle.sh build|compare|page}
readonly stamp=${venv}/.stamp
shift

for tool in objdump objcopy strip; do
    if ! command -v "${tool}" >/dev/null; then
        printf '错误：缺少 %s；请先安装 binutils\n' "${tool}" >&2
        exit 1
    fi
done
if [[ ! ${stamp} -nt requirements.lock || ! ${stamp} -nt packaging/requirements.lock ]]; then
    rm -rf -- "${venv}" # pip 只补不删：从前锁住的库留在里面，就会混进整包
    tools/make_venv.sh "${venv}"
    "${venv}/bin/python" -m pip --disable-pip-version-check --no-input install --quiet --require-hashes \
        --requirement packaging/requirements.lock
    touch -- "${stamp}"
fi
exec "${venv}/bin/python" -m "tools.bundle.${step}" "$@"
