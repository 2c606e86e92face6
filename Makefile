# `make demo` needs a Rust toolchain and a C compiler; `make test` also Node 20 with npm, Python 3,
# kubectl, redis-server 7, nginx, HAProxy 2.6, Prometheus 2.42 and systemd-analyze. Of these only Node, Python and
# kubectl have to be there: the servers and system headers come through apt-get where that is allowed, everything
# else for the tests goes below target/ and node_modules/.

# OpenSSL is for JOSE. Without its headers it is built from source, which takes perl and some minutes.
FEATURES := $(shell pkg-config --exists openssl 2>/dev/null || echo --features vendored)
CARGO := cargo
PYTHON := target/python
HOME_ASSISTANT := target/home-assistant
NODE_PROJECTS := tests/oauth-clients tests/providers/oidc-provider tests/redis-clients

.PHONY: help build demo test test-setup test-ha e2e-ha servers nemesis mutants lint bench bench-load dashboard-picture audit clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

build: ## Build the release binary, target/release/signout
	$(CARGO) build --release --locked $(FEATURES)

demo: ## Show in seconds what signout does; Ctrl-C ends it (ONCE=1 ends by itself)
	@$(CARGO) build --quiet --locked $(FEATURES)
	@target/debug/signout demo $(if $(ONCE),--once)

test: test-setup ## Everything that CI runs: format, lints, all tests
	tests/run $(FEATURES)

test-setup: servers $(PYTHON)/.done $(NODE_PROJECTS:=/node_modules/.done) ## Install what the tests need

servers:
	@tests/install-servers

$(PYTHON)/.done: tests/requirements.txt
	python3 -m venv $(PYTHON)
	$(PYTHON)/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@

%/node_modules/.done: %/package-lock.json
	npm ci --prefix $* --no-audit --no-fund --ignore-scripts
	touch $@

# Home Assistant needs a newer Python than most machines have: it is put below target/, which takes
# root and apt-get.
$(HOME_ASSISTANT)/root/.done:
	deploy/home-assistant/environment/install-root $(HOME_ASSISTANT)/root

$(HOME_ASSISTANT)/%-venv/.done: deploy/home-assistant/%/requirements.txt | $(HOME_ASSISTANT)/root/.done
	deploy/home-assistant/environment/install-venv $(HOME_ASSISTANT) $*
	touch $@

test-ha: $(HOME_ASSISTANT)/tests-venv/.done ## Lint, type-check and test the Home Assistant integration
	deploy/home-assistant/tests/run $(HOME_ASSISTANT)

e2e-ha: $(HOME_ASSISTANT)/e2e-venv/.done ## Sign out of the newest Home Assistant, with the real service
	$(CARGO) build --quiet --locked $(FEATURES)
	deploy/home-assistant/e2e/run $(HOME_ASSISTANT) target/debug/signout

nemesis: ## Break Redis, the network and instances for NEMESIS_SECONDS (1800) and lose nothing
	NEMESIS_SECONDS=$${NEMESIS_SECONDS:-1800} \
	  $(CARGO) test --locked $(FEATURES) --test it nemesis:: -- --nocapture

mutants: ## Break the sharing protocol in one way after the other and see a test fail each time
	tests/mutants/run $(FEATURES)

lint: ## Format and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked $(FEATURES) -- -D warnings

bench: ## Time the rooms by themselves (NAME=verify for a part)
	$(CARGO) bench --locked $(FEATURES) --bench micro -- $(NAME)

bench-load: ## Load a real service from outside (NAME=callback, check, forward-auth, introspect, register, start or memory)
	$(CARGO) bench --locked $(FEATURES) --bench load -- $(NAME)

dashboard-picture: servers $(PYTHON)/.done ## Draw docs/images/dashboard.png from what a real Prometheus says (two minutes)
	RENDER=$(CURDIR)/target/dashboard.json $(CARGO) test --locked $(FEATURES) --test it every_panel
	$(PYTHON)/bin/pip install --quiet --disable-pip-version-check matplotlib==3.11.2
	$(PYTHON)/bin/python deploy/grafana/render.py target/dashboard.json docs/images/dashboard.png

audit: ## Licences, sources, bans and advisories of every dependency (installs cargo-deny)
	$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check

clean: ## Remove what was built and installed
	$(CARGO) clean
	rm -rf $(NODE_PROJECTS:=/node_modules)
