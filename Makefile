# Two commands do everything on a fresh Debian machine: make demo, make test.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo build test race bench soak fuzz screenshots web generate clean setup setup-test

DATA   ?= data/demo
LISTEN ?= 127.0.0.1:8080
SPEED  ?= 1
# The toolchain that setup chose, first in the path.
GO = PATH="$$(cat .go-bin 2>/dev/null):$$PATH" GOTOOLCHAIN=local GOFLAGS=-buildvcs=auto go

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: build ## Build, fill and serve the demo city of Huế
	@bin/huong demo city/hue --data $(DATA) --listen $(LISTEN) --speed $(SPEED)

build: setup web ## Build bin/huong
	@$(GO) build -trimpath -o bin/huong ./cmd/huong

setup: ## Install what building needs
	@scripts/setup | tail -n 1 > .go-bin

setup-test: ## Install what testing needs
	@scripts/setup test | tail -n 1 > .go-bin

web: web/dist/manifest.json ## Bundle scripts, styles and fonts

web/dist/manifest.json: web/package-lock.json $(shell find web/src web/build -type f 2>/dev/null)
	@cd web && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@cd web && PATH="$$(cat ../.go-bin 2>/dev/null):$$PATH" GOTOOLCHAIN=local go run ./build

generate: ## Regenerate the page templates
	@$(GO) tool templ generate -path internal/face/ui
	@cd internal/face/ui && LC_ALL=C sha256sum *.templ *_templ.go > templates.sum

test: setup-test web ## Run all tests, PostgreSQL and browser included
	@scripts/test

race: test

bench: setup-test web ## Measure against baselines in the same run; writes docs/benchmarks.md
	@scripts/bench

soak: setup-test build ## Kill -9 two hundred times on each store, cut a thousand lines, tell 500 random stories
	@HUONG_KILLS=200 HUONG_REQUIRE_POSTGRES=1 $(GO) test -count=1 -timeout 3h -run TestKill -v ./internal/cli
	@HUONG_MINUTES=10 HUONG_REQUIRE_POSTGRES=1 $(GO) test -count=1 -timeout 1h -run TestAThousandReportsAMinute -v ./internal/cli
	@HUONG_CUTS=1000 $(GO) test -count=1 -timeout 1h -run TestReportsThroughABrokenLine -v ./internal/face/ui
	@HUONG_CASES=500 HUONG_FULL=1 HUONG_REQUIRE_POSTGRES=1 $(GO) test -count=1 -timeout 3h ./internal/service/indicator ./internal/service/ingest

fuzz: setup ## Fuzz every parser, a few minutes each
	@scripts/fuzz

screenshots: setup-test web ## Take a picture of every page
	@HUONG_SCREENSHOTS=$(CURDIR)/data/screenshots $(GO) test -count=1 -timeout 20m -run TestPagesInABrowser -v ./internal/face/ui

clean: ## Remove what was built and the demo's data
	@rm -rf bin data web/dist/* web/node_modules .go-bin
