#!/usr/bin/env bash
# 造一个光秃秃的根目录：只有 bash、curl、coreutils 和它们要的动态库（glibc、libz 等），没有 Python。
#   packaging/bare_root.sh 目录
# 东西从本机复制；造好之后 chroot 进去就是一台「什么也没装」的机器，make bundle-check 用它试整包。
set -euo pipefail

readonly root=${1:?用法: packaging/bare_root.sh 目录}
readonly programs=(bash curl cat chmod cp date env head id ls mkdir mktemp mv rm sha256sum sleep sort stat tail tr uname wc)

for folder in bin lib lib64 sbin; do
    mkdir -p "${root}/usr/${folder}"
    # 合并过 /usr 的发行版里，/bin 等是链接。
    if [[ -L /${folder} ]]; then ln -sfn "usr/${folder}" "${root}/${folder}"; else mkdir -p "${root}/${folder}"; fi
done
mkdir -p "${root}"/{data,dev,etc,opt,proc,root,tmp}
chmod 1777 "${root}/tmp"
ln -sfn /proc/self/fd "${root}/dev/fd" # 每台 Linux 都有；bash 的进程替换要它
printf 'root:x:0:0:root:/root:/bin/bash\n' >"${root}/etc/passwd"
printf '127.0.0.1 localhost\n' >"${root}/etc/hosts"

# glibc 是一整套：旧版本编译的程序还要 libdl、libpthread 这些。
bash=$(type -P bash)
libc=$(ldd "${bash}" | grep -oE '/[^ ]+/libc\.so\.6')
for name in dl m nss_dns nss_files pthread resolv rt util; do
    cp -L --parents -t "${root}" "${libc%/*}/lib${name}".so.*
done
for program in "${programs[@]}"; do
    path=$(type -P "${program}")
    cp -L --parents -t "${root}" "${path}"
    ldd "${path}" | grep -oE '/[^ ]+' | xargs cp -L --parents --update -t "${root}"
done
