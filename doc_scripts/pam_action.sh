#!/bin/bash
# PAM 动作的参考脚本入口：只用 bash（4.2 起）和 curl，把一个动作译成一次 PAM HTTP 请求。
#
#   pam_action.sh ACTION --config FILE [--ip IP] [--hash-code H] [--stop-first] [--to-version V]
#                        [--idempotency-key K] [--trace-file F]
#
# 标准输出是 KEY=VALUE 行，同一个键出现多次即为列表；标准错误写给人看。
# 退出码：0 完成，2 用法，3 配置，4 未授权，5 没有送出或没有收下，6 被 PAM 拒绝，7 超时，8 结果未知；
# 原因在最后一行 ERROR=。7、8 和任何别的退出码，做没做都不知道：先查清再说。
# PAM 要求稍后再来时有 RETRY_AFTER=<秒>（curl 7.84 起；更早的读不到这个头，就没有这一行）。
# 这里只判断，从不重发：重不重发由调用者决定。
#
# 环境变量 PAM_CA_FILE、PAM_CLIENT_CERT、PAM_CLIENT_KEY 是站点的 CA 与客户端证书，https 的地址才用。没有设 PAM_CA_FILE 的
# 信系统的，系统的在哪里照 OpenSSL 的 SSL_CERT_FILE、SSL_CERT_DIR；CURL_CA_BUNDLE 与代理的变量不算。
# 应答与日志都有上限（most_answer、most_log）；日志边收边写，令牌遮掉。bash 4.4 之前只在 PAM 说了长度时守得住上限。
#
# 令牌只取自环境变量 PAM_TOKEN，经 curl 的标准输入交给它，不进参数、文件和输出。
# 配置文件是 KEY=VALUE，只解析、从不 source：AIRPORT_CODE APP_NAME MODULE_NAME VERSION_NUMBER PAM_HOME_URL
# PACKAGE_PATH REQUEST_TIMEOUT VERIFY_TIMEOUT RUN_ID LOG_DIR，以及可选的 NODE_URL（没有时先问 PAM_HOME）。
#
# 请求带 Accept: text/plain，参考 PAM 因此直接答 KEY=VALUE 行（出错时 ERROR=<原因>）。
# 只会答 JSON 的 PAM 需要本地改写：只改 parse_answer 一个函数，把应答正文译成同样的 KEY=VALUE 行即可。
#
# bash 读一段做一段：从上到下是参数、配置、请求、成功；成功就此退出，解释失败的部分在最后，平常不必读。
set -u
LC_ALL=C # 按字节处理：百分号编码才正确，也快
umask 077

token=${PAM_TOKEN-}
unset PAM_TOKEN BASH_COMPAT CURL_CA_BUNDLE
newline=$'\n'

emit() { # 输出一行或多行；对方回显的令牌（短于 6 个字的守不住什么，不算）和终端转义都不放出去
    local text=$1 controls=$'[\001-\010\013-\037\177]' # 终端转义等，制表符和换行除外
    [[ ${text} != *${controls}* ]] || text=${text//${controls}/}
    ((${#token} < 6)) || [[ ${text} != *"${token}"* ]] || text=${text//"${token}"/'***'}
    printf '%s\n' "${text}"
}

die() { # 退出码 原因
    emit "ERROR=${2//"${newline}"/ }"
    exit "$1"
}

usage() { # 原因
    printf '用法：%s ACTION --config FILE [--ip IP] [--hash-code H] [--stop-first] [--to-version V]\n' "${0##*/}" >&2
    printf '       [--idempotency-key K] [--trace-file F]\n' >&2
    die 2 "$1"
}

# ---- 参数 ----

(($#)) || usage '没有给出动作'
action=$1 config='' ip='' hash_code='' stop_first=false to_version='' key='' trace_file=''
shift
while (($#)); do
    if [[ $1 == --stop-first ]]; then
        stop_first=true
        shift
        continue
    fi
    (($# > 1)) || usage "选项 $1 不认识，或者缺少它的值"
    case $1 in
        --config) config=$2 ;;
        --ip) ip=$2 ;;
        --hash-code) hash_code=$2 ;;
        --to-version) to_version=$2 ;;
        --idempotency-key) key=$2 ;;
        --trace-file) trace_file=$2 ;;
        *) usage "不认识的选项 $1" ;;
    esac
    shift 2
done
[[ -n ${config} ]] || usage '缺少 --config FILE'
[[ ${ip} != *[!0-9A-Fa-f.:]* ]] || usage "--ip 的值 ${ip} 不是 IP 地址"
[[ ${hash_code} != *[!0-9A-Za-z:._-]* ]] || usage '--hash-code 只能含字母、数字和 : . _ -'
[[ ${to_version} != *[\"\\/[:cntrl:]]* ]] || usage '--to-version 不能含引号、反斜线、/ 和控制字符'
[[ ${key} != *[!0-9A-Za-z:._-]* ]] || usage '--idempotency-key 只能含字母、数字和 : . _ -'

# ---- 配置与令牌 ----

[[ -f ${config} && -r ${config} ]] || die 3 "配置文件 ${config} 不存在或不可读"
declare -A cfg=()
mapfile -t lines <"${config}"
lines[0]=${lines[0]-}
lines[0]=${lines[0]#$'\357\273\277'} # Windows 的编辑器会加上 BOM 与回车
for line in "${lines[@]}"; do
    line=${line%$'\r'}
    [[ -n ${line} && ${line} != \#* ]] || continue
    name=${line%%=*}
    [[ ${line} == [A-Z]*=* && ${name} != *[!A-Z0-9_]* ]] || die 3 "配置文件 ${config} 里有一行不是 KEY=VALUE"
    [[ ${line} != *[[:cntrl:]]* ]] || die 3 "配置文件 ${config} 里 ${name} 的值含有控制字符"
    [[ ${name} != *TOKEN ]] || die 3 "配置文件 ${config} 里不得有 ${name}：令牌只能放在环境变量 PAM_TOKEN"
    cfg[${name}]=${line#*=}
done
[[ -d /dev/fd/ ]] || die 3 '这个环境里没有 /dev/fd（多半没有挂 /proc），bash 起不了 curl：请先挂上'
[[ -n ${token} ]] || die 4 '没有令牌：请设置环境变量 PAM_TOKEN'
[[ ${token} != *[!\!-~]* && ${token} != *[\"\\]* ]] ||
    die 4 'PAM_TOKEN 含有空白、引号、反斜线或非 ASCII 字符，不能放进请求头'
# 没有给出幂等键时，每次调用各算一次新的尝试；进程号与随机数会再来，所以带上时刻。
printf -v now '%(%s)T' -1
key=${key:-${cfg[RUN_ID]:-manual}:${ip:--}:${action}:manual-${now}-$$-${RANDOM}}

# ---- 请求：每个动作的方法、地址、正文 ----

name_of() { # 配置键 -> REPLY：进入 URL 与 JSON 的名字都在这里检查
    REPLY=${cfg[$1]-}
    [[ -n ${REPLY} ]] || die 3 "配置文件缺少 $1"
    [[ ${REPLY} != *[\"\\/]* && ${REPLY} != .* ]] || die 3 "配置 $1 的值 ${REPLY} 不能含引号、反斜线、/，也不能以 . 开头"
}

encode() { # 文本 -> REPLY：百分号编码后的一个路径段或查询值
    local text=$1 char i
    REPLY=${text}
    [[ ${text} == *[!0-9A-Za-z._~-]* ]] || return 0
    REPLY=''
    for ((i = 0; i < ${#text}; i++)); do
        char=${text:i:1}
        if [[ ${char} != [0-9A-Za-z._~-] ]]; then
            printf -v char '%d' "'${char}"
            printf -v char '%%%02X' "$((char & 255))"
        fi
        REPLY+=${char}
    done
}

segment() { # 配置键 -> REPLY：编码后的名字
    name_of "$1"
    encode "${REPLY}"
}

json() { # 其余成员 -> body：{"app","module" 以及给出的成员}
    name_of APP_NAME
    body="{\"app\":\"${REPLY}\""
    name_of MODULE_NAME
    body+=",\"module\":\"${REPLY}\"$1}"
}

json_with_version() { # 其余成员 -> body
    name_of VERSION_NUMBER
    json ",\"version\":\"${REPLY}\"$1"
}

module_query() { # -> path 后面加上 ?app=&module=
    segment APP_NAME
    path+="?app=${REPLY}"
    segment MODULE_NAME
    path+="&module=${REPLY}"
}

workstation() { # 路径其余部分 -> path：节点上的这台工作站
    [[ -n ${ip} ]] || usage "${action} 需要 --ip"
    encode "${ip}"
    path=/api/workstations/${REPLY}$1
}

hash_member() { # -> REPLY：JSON 里的散列
    [[ -n ${hash_code} ]] || usage "${action} 需要 --hash-code"
    REPLY=",\"hash\":\"${hash_code}\""
}

side=PAM_NODE path='' body='' upload='' log_file=''
case ${action} in
    rollback-ip)
        workstation /rollback
        json ",\"stop_first\":${stop_first}${to_version:+,\"to_version\":\"${to_version}\"}"
        ;;
    query-ip)
        workstation ''
        module_query
        ;;
    download-log)
        workstation /log
        module_query
        log_file=${cfg[LOG_DIR]:-logs}
        log_file=${log_file%/}/${ip//:/_}.log
        ;;
    get-online-ips) path='/api/workstations?online=true' ;;
    sync-node)
        path=/api/sync
        hash_member
        json_with_version "${REPLY}"
        ;;
    check-home) side=PAM_HOME path=/api/health ;;
    get-node-url)
        segment AIRPORT_CODE
        side=PAM_HOME path=/api/nodes/${REPLY}
        ;;
    publish-version)
        side=PAM_HOME path=/api/versions
        hash_member
        body=${REPLY}
        name_of AIRPORT_CODE
        json_with_version "${body},\"airport\":\"${REPLY}\""
        ;;
    upload-package)
        side=PAM_HOME path=/api/packages upload=${cfg[PACKAGE_PATH]-}
        for name in APP_NAME MODULE_NAME VERSION_NUMBER; do
            segment "${name}"
            path+=/${REPLY}
        done
        [[ -z ${upload} || (-f ${upload} && -r ${upload}) ]] || die 3 "安装包 ${upload} 不存在或不可读：请核对 PACKAGE_PATH"
        [[ ${upload} == [!/]* ]] && upload=./${upload} # 免得名为 - 的文件被 curl 当成标准输入
        ;;
    *-ip) # 照惯例的：地址以动词命名，不必一个个列出；PAM 没有的由它拒绝
        [[ ${action} != *[!a-z-]* ]] || usage "不认识的动作 ${action}"
        workstation "/${action%-ip}"
        json_with_version ''
        ;;
    *) usage "不认识的动作 ${action}" ;;
esac

# ---- 发出请求 ----

check_url() { # 来源 地址 -> REPLY：去掉末尾的 /
    local pattern='^https?://[^][:space:][:cntrl:]"\?#@]+$'
    [[ ${2} =~ ${pattern} || ${2} =~ ^https?://\[[0-9A-Fa-f:.]+\](:[0-9]+)?/*$ ]] ||
        die 3 "$1 的值 ${2:-（空）} 不是 http:// 或 https:// 开头的地址"
    REPLY=${2%"${2##*[!/]}"}
}

time_limit() { # -> REPLY：本动作的时限，秒
    local name=REQUEST_TIMEOUT default=120
    [[ ${action} != verify-ip ]] || name=VERIFY_TIMEOUT default=180
    REPLY=${cfg[${name}]:-${default}}
    [[ ${REPLY} == [0-9]* && ${REPLY} == *[0-9] && ${REPLY} != *[!0-9.]* && ${REPLY} != *.*.* && ${REPLY} == *[1-9]* ]] ||
        die 3 "配置 ${name} 的值 ${REPLY} 应为大于 0 的秒数"
}

trace() { # 方法 URL
    local line
    [[ -n ${trace_file} ]] || return 0
    printf -v line '%(%Y-%m-%dT%H:%M:%S%z)T %s %s %s %s status=%s curl=%s' \
        -1 "${action}" "${ip:--}" "$1" "$2" "${status}" "${curl_exit}"
    emit "${line}" 2>/dev/null >>"${trace_file}" || printf '警告：写不了跟踪文件 %s\n' "${trace_file}" >&2
}

most_answer=8388608 most_log=1048576 # 字节；与 MCP 一端相同，再大的应答不是 PAM 的，再大的日志只留开头

receive_answer() { # 从 3 号描述符收应答 -> answer；分块的应答事先看不出多大，所以边收边数
    IFS= read -r -N $((most_answer + 1)) answer <&3
}

receive_log() { # 从 3 号描述符边收边写进 log_file，令牌遮掉，超过上限的不写；curl 写在末尾的那一行 -> answer
    local chunk='' held='' kept=0 keep=256 ended=0 nothing=/dev/null
    ((${#token} <= keep)) || keep=${#token} # 跨块的令牌与末尾那一行都在留着的里面
    [[ -d ${log_file%/*} ]] || curl -q --silent --create-dirs --output "${log_file}" "file://${nothing}"
    exec 4>"${log_file}" || die 3 "写不了文件 ${log_file}"
    while ((kept <= most_log)); do # 变量里放不下 NUL：读到它就先写出前面的
        IFS= read -r -d '' -n 65536 chunk <&3 || ended=1
        held+=${chunk}
        ((${#token} < 6)) || held=${held//"${token}"/'***'}
        if ((ended)); then
            break
        elif ((${#chunk} < 65536)); then
            keep_log "${held}"
            held=''
            ((kept++ >= most_log)) || printf '\0' >&4
        elif ((${#held} > keep)); then
            keep_log "${held:0:${#held}-keep}"
            held=${held:${#held}-keep}
        fi
    done
    while ((!ended)) && { IFS= read -r -N 65536 chunk <&3 || [[ -n ${chunk} ]]; }; do
        held=${held:${#held}>keep?${#held}-keep:0}${chunk} chunk='' # 超过上限的只为末尾那一行
    done
    answer=${newline}${held##*"${newline}"}
    keep_log "${held%"${newline}"*}"
    ((kept <= most_log)) || printf '\n（日志超过 %s 字节，后面的没有留）\n' "${most_log}" >&4
    exec 4>&-
}

keep_log() { # 一段：写到上限为止，数照样数
    ((kept >= most_log)) || printf '%s' "${1:0:most_log-kept}" >&4
    ((kept += ${#1})) || :
}

parse_answer() { # answer 里是应答正文；在这里把它译成 KEY=VALUE 行（参考 PAM 答的已经是）
    answer=${answer%"${newline}"}
}

call() { # 方法 路径 [curl 的其余参数...]：向 side 发一次请求，只记下结果，不作判断
    local method=$1 url=NODE_URL header="header = \"Authorization: Bearer ${token}\"" tail
    [[ ${side} == PAM_NODE ]] || url=PAM_HOME_URL
    check_url "${url}" "${cfg[${url}]-}"
    url=${REPLY}$2
    shift 2
    time_limit
    if [[ ${url} == https:* ]]; then
        if [[ -n ${PAM_CA_FILE-} ]]; then # 只信它：curl 编译时定下的目录也不算
            set -- --cacert "${PAM_CA_FILE}" --capath /dev/null "$@"
        else # 有的 curl 不看这两个变量
            [[ -z ${SSL_CERT_FILE-} ]] || set -- --cacert "${SSL_CERT_FILE}" "$@"
            [[ -z ${SSL_CERT_DIR-} ]] || set -- --capath "${SSL_CERT_DIR}" "$@"
        fi
        [[ -z ${PAM_CLIENT_CERT-} ]] || set -- --cert "${PAM_CLIENT_CERT}" "$@"
        [[ -z ${PAM_CLIENT_KEY-} ]] || set -- --key "${PAM_CLIENT_KEY}" "$@"
    else # 明文 HTTP 用不到 TLS：curl 起步时不必读 OpenSSL 的配置，也不必初始化 GnuTLS。
        export OPENSSL_CONF=/dev/null GNUTLS_NO_IMPLICIT_INIT=1
    fi
    [[ ${method} == GET ]] || set -- --header "Idempotency-Key: ${key}" "$@"
    [[ ${side} == PAM_NODE && -n ${log_file} ]] || set -- --max-filesize "${most_answer}" "$@"
    set -- -q --config - --silent --show-error --globoff --noproxy '*' --proto '=http,https' \
        --connect-timeout 10 --max-time "${REPLY}" --request "${method}" --header 'Accept: text/plain' \
        --write-out '\n%{http_code} %{time_connect} %{ssl_verify_result} %header{retry-after}' "$@" --url "${url}"
    # 令牌由标准输入进入 curl，不在任何进程的参数里。here-string 从 5.1 起走管道，省一次 fork；
    # 更早的 bash 会把它写进临时文件，所以那时用进程替换；4.4 之前等不到进程替换的退出码，只好整个收下。
    local version=$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1])) transfer
    if ((version < 404)); then
        [[ -z ${log_file} ]] || set -- --create-dirs --output "${log_file}" "$@"
        answer=$(exec curl "$@" < <(printf '%s\n' "${header}"))
        curl_exit=$?
    else
        if ((version >= 501)); then
            # shellcheck disable=SC2312 # 退出码由 wait 取
            exec 3< <(exec curl "$@" <<<"${header}")
        else
            # shellcheck disable=SC2312 # 同上
            exec 3< <(exec curl "$@" < <(printf '%s\n' "${header}"))
        fi
        transfer=$!
        if [[ ${side} == PAM_NODE && -n ${log_file} ]]; then receive_log; else receive_answer; fi
        exec 3<&-
        wait "${transfer}"
        curl_exit=$?
        ((${#answer} <= most_answer)) || curl_exit=63 answer=''
    fi
    tail=${answer##*"${newline}"}
    answer=${answer%"${newline}"*}
    status=${tail%% *}
    status=${status:-000}
    tail=${tail#* }
    connected=${tail%% *}
    tail=${tail#* }
    verified=${tail%% *}
    retry_after=${tail#* }
    trace "${method}" "${url}"
    [[ ${answer} != *$'\r'* ]] || answer=${answer//$'\r'/}
    parse_answer
}

succeeded() { # 最近一次请求有没有得到肯定的答复
    [[ ${curl_exit} == 0 && ${status} == 2?? ]]
}

answer_value() { # 键 -> REPLY：应答里这个键的值，没有则为空
    REPLY=''
    [[ ${newline}${answer} =~ ${newline}"$1="([^${newline}]*) ]] && REPLY=${BASH_REMATCH[1]}
}

answer_has() { # 键 值
    [[ ${newline}${answer}${newline} == *"${newline}$1=$2${newline}"* ]]
}

ask_node_url() { # 配置里没有节点地址：先问 PAM_HOME；问不到，动作就没有送出
    side=PAM_HOME asking=yes
    segment AIRPORT_CODE
    call GET "/api/nodes/${REPLY}"
    succeeded || return
    answer_value NODE_URL
    [[ -n ${REPLY} ]] || die 5 '查询节点地址时，PAM_HOME 的应答缺少 NODE_URL'
    cfg[NODE_URL]=${REPLY}
    side=PAM_NODE asking=''
}

asking=''
if [[ ${side} == PAM_HOME || -n ${cfg[NODE_URL]-} ]] || ask_node_url; then
    if [[ -n ${body} ]]; then
        call POST "${path}" --header 'Content-Type: application/json' --data-binary "${body}"
    elif [[ -n ${upload} ]]; then
        call PUT "${path}" --header 'Content-Type: application/octet-stream' --upload-file "${upload}"
    elif [[ -n ${log_file} ]]; then
        call GET "${path}"
    else
        call GET "${path}"
    fi
fi

# ---- 成功：核对应答，到此为止 ----

if succeeded; then
    # 头里就断了的应答，curl 也说成功，正文是空的
    [[ -n ${log_file} || (${newline}${answer} == *"${newline}"[A-Z]*=* && ${newline}${answer} != *"${newline}ERROR="*) ]] || die 8 "${side} 的应答是空的，或者读不懂"
    case ${action} in
        sync-node)
            answer_has HASH_CODE "${hash_code}" ||
                die 6 "PAM_NODE 算出的散列与 --hash-code ${hash_code} 不同：安装包在途中变了"
            ;;
        get-online-ips)
            name_of AIRPORT_CODE
            answer_has AIRPORT_CODE "${REPLY}" || die 6 "这个 PAM_NODE 不属于机场 ${REPLY}：请核对节点地址"
            [[ ${newline}${answer} == *"${newline}IP="* ]] || answer+="${newline}IP=" # 一台在线的都没有
            ;;
        download-log)
            [[ -e ${log_file} ]] || : >"${log_file}" # 旧版 curl 遇到空正文不建文件
            answer="LOG_FILE=${log_file}"
            ;;
    esac
    emit "${answer}"
    exit 0
fi

# ---- 没有成功：原因，以及做没做 ----

die_sent() { # 退出码 原因：请求送出之后的失败；送的只是查询节点地址的，动作还没有送出
    [[ -z ${asking} ]] || die 5 "查询节点地址时，$2"
    die "$1" "$2"
}

judge_transfer() { # 按 curl 的退出码判断请求有没有走完
    local name=NODE_URL
    [[ ${side} == PAM_NODE ]] || name=PAM_HOME_URL
    local where="${side}（${cfg[${name}]-}）" tls_hint='' ca=PAM_CA_FILE
    [[ -n ${PAM_CA_FILE-} ]] || ca=SSL_CERT_FILE
    [[ ${cfg[${name}]-} != https:* ]] || tls_hint='；对方若要客户端证书，请核对 PAM_CLIENT_CERT'
    local untrusted='私有 CA 签发的请设 PAM_CA_FILE'
    case ${verified} in # OpenSSL 的编号；别的 curl 没有
        9) untrusted='它还没有生效，请核对两边的时钟' ;;
        10) untrusted='它已经过期，请对方换一张' ;;
        62 | 64) untrusted='它不是发给这个主机的，请核对地址' ;;
    esac
    case ${curl_exit} in
        0) return 0 ;;
        28)
            # 只信六位小数的零：旧版 curl 只有三位，本机连接会被误当成没有连上。
            [[ ${connected} != 0.000000 ]] || die 5 "连接 ${where}超时，请求没有送出"
            die_sent 7 "${side} 没有在时限内答复"
            ;;
        5 | 6) die 5 "解析不了 ${where}的主机名" ;;
        7) die 5 "连接不上 ${where}" ;;
        35) die 5 "与 ${where}的 TLS 没有谈成（curl 35）；对方若要客户端证书，请核对 PAM_CLIENT_CERT 与 PAM_CLIENT_KEY" ;;
        51 | 60 | 83) die 3 "${where}的证书不可信（curl ${curl_exit}），请求没有送出；${untrusted}" ;;
        58) die 3 "客户端证书用不了（curl 58），请求没有送出：请核对 PAM_CLIENT_CERT 与 PAM_CLIENT_KEY" ;;
        77) die 3 "${ca} 指的 ${!ca-} 用不了（curl 77），请求没有送出：应为 PEM 的证书" ;;
        63) die_sent 8 "${side} 的应答超过 ${most_answer} 字节，不能当作它的答复" ;;
        18) die_sent 8 "${side} 的应答不完整" ;;
        52 | 55 | 56) die_sent 8 "与 ${side} 的连接中断，没有收到应答（curl ${curl_exit}）${tls_hint}" ;;
        2 | 3) die 3 "curl 不能发出请求（curl ${curl_exit}），请检查地址与 curl 的版本" ;;
        23) die 3 "写不了文件 ${log_file}" ;;
        26) die 8 "读不完安装包 ${upload}" ;;
        126 | 127) die 3 '找不到 curl，请先安装' ;;
        *) die_sent 8 "与 ${side} 的传输失败（curl ${curl_exit}）" ;;
    esac
}

judge_status() { # 按 HTTP 状态判断 PAM 有没有做（contract 第 3 节「应答算什么」）
    local reason own
    answer_value ERROR
    own=${REPLY} # 代理的页面里没有这一行
    reason=${own:-${answer:0:200}}
    reason="${side} 回答 HTTP ${status}${reason:+：${reason}}"
    emit "${answer}"
    [[ ! ${retry_after} =~ ^[0-9]+$ ]] || emit "RETRY_AFTER=${retry_after}"
    case ${status} in
        429 | 503) die 5 "${reason}" ;;
        400 | 404 | 409 | 413) [[ -z ${own} ]] || die 6 "${reason}" ;;
        401 | 403) [[ -z ${own} ]] || die 4 "${reason}" ;;
        *) ;;
    esac
    die_sent 8 "${reason}"
}

if [[ ${side} == PAM_NODE && -f ${log_file} && ${status} != @(000|2??) ]]; then
    # 落进日志文件的是错误说明：取回来，并且不让它冒充日志。
    IFS= read -r -d '' -n 4096 answer <"${log_file}"
    : >"${log_file}"
    parse_answer
fi
if [[ ${action} == upload-package && -z ${upload} && ${status} == 404 && ${newline}${answer} == *"${newline}ERROR="* ]]; then
    die 3 "PAM_HOME 没有 ${path#/api/packages/}，也没有给出 PACKAGE_PATH：请给出安装包的路径，或核对版本号"
fi
judge_transfer
judge_status
