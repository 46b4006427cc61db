# What one does with this repository. Each target first installs what it needs and is missing.

TARGET := $(or $(CARGO_TARGET_DIR),target)

.DEFAULT_GOAL := help
.PHONY: help dev dist test test-pooled hunt mutants soak generators fuzz check bench sqlx openapi

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev: ## build and run everything on this machine; ARGS="--bind 127.0.0.1:9000" is passed on
	@.ci/install cc postgres
	@echo "==> building portico"
	@cargo build --release --locked -p portico
	@exec $(TARGET)/release/portico dev $(ARGS)

dist: ## pack the program for this machine in target/dist: stripped, with checksums and a list of its parts
	@.ci/install cc python
	@.ci/dist

test: ## run all tests, on a Postgres of their own
	@.ci/install cc postgres slowhttptest softhsm python node browser nextest
	@.ci/with-postgres .ci/test

test-pooled: ## run the black-box suites with the gateway behind a pgbouncer in transaction mode
	@.ci/install cc postgres pgbouncer slowhttptest softhsm python node browser nextest
	@.ci/with-postgres .ci/with-pgbouncer .ci/suites $(ARGS)

hunt: ## run the black-box suites with everything logged, and search what they write for secrets
	@.ci/install cc postgres slowhttptest softhsm python node browser nextest
	@SUITE_LOG=trace .ci/with-postgres .ci/suites

mutants: ## break the vault, the credentials and the permissions one by one; says what no test notices
	@.ci/install cc cargo-mutants
	@# 3: some made a test hang, which is as good as failing it.
	@PROPTEST_CASES=32 cargo mutants -o $(TARGET) -p portico-vault -p portico-auth -p portico-domain || [ $$? = 3 ]

soak: ## call the served document's operations with made-up data, MINUTES=10 of it
	@.ci/install cc postgres python nextest
	@.ci/with-postgres .ci/soak

generators: ## make, compile and drive clients of the document; ARGS="orval hey-api" for some of the generators
	@.ci/install cc postgres python node go
	@.ci/generators $(ARGS)

fuzz: ## throw made-up keys, tokens and paths at their parsers, SECONDS=60 for each
	@.ci/install cc cargo-fuzz
	@SECONDS_EACH=$(or $(SECONDS),60) .ci/fuzz

check: ## formatting, lints, layers, generated files, licences
	@.ci/install cc postgres node deny
	@echo "==> formatting"
	@cargo fmt --all --check || { echo "repair it with: cargo fmt --all"; exit 1; }
	@echo "==> lints"
	@cargo clippy --workspace --all-targets --locked -- -D warnings
	@echo "==> layers"
	@cargo run -q --locked -p xtask -- layers
	@echo "==> import graph"
	@cargo run -q --locked -p xtask -- graph --check
	@echo "==> OpenAPI document"
	@cargo run -q --locked -p xtask -- openapi --check
	@REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
		tests/typescript/node_modules/.bin/redocly lint --config openapi/redocly.yaml openapi/portico.json
	@echo "==> checked queries"
	@.ci/with-postgres cargo run -q --locked -p xtask -- sqlx-prepare --check
	@echo "==> dependencies and licences"
	@cargo deny --locked --workspace --config .deny.toml check -A unused-wrapper bans licenses sources

bench: ## measure; prints tables; ARGS=effect or ARGS=send measures a part
	@.ci/install cc postgres
	@.ci/bench $(ARGS)

sqlx: ## write .sqlx from the migrations and the queries
	@.ci/install cc postgres
	@.ci/with-postgres cargo run -q -p xtask -- sqlx-prepare

openapi: ## write openapi/portico.json and openapi/problems.md from the code
	@.ci/install cc
	@cargo run -q -p xtask -- openapi
