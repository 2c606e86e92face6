# `make demo` needs a Rust toolchain and a C compiler; `make test` also Node 20 with npm, Python 3,
# redis-server 7, nginx and HAProxy 2.6. What else they need, they install: system headers and these servers
# through apt-get where that is allowed, everything else for the tests below target/ and node_modules/.

# OpenSSL is for JOSE. Without its headers it is built from source, which takes perl and some minutes.
FEATURES := $(shell pkg-config --exists openssl 2>/dev/null || echo --features vendored)
CARGO := cargo
PYTHON := target/python
NODE_PROJECTS := tests/oauth-clients tests/providers/oidc-provider tests/redis-clients

.PHONY: help build demo test test-setup servers lint bench bench-load audit clean

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

audit: ## Licences, sources, bans and advisories of every dependency (installs cargo-deny)
	$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check

clean: ## Remove what was built and installed
	$(CARGO) clean
	rm -rf $(NODE_PROJECTS:=/node_modules)
