# The few commands of this house. `make` alone lists them.

VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS    := -s -w -X main.version=$(VERSION)
FUZZTIME   ?= 20s
BENCHFLAGS ?=

# The same for every Go command, so that what one has compiled serves the others.
export CGO_ENABLED := 0
export GOFLAGS     := $(GOFLAGS) -trimpath

# The linter is built from its sources by the Go tool, once: about 90 seconds on two cores.
LINT_VERSION := v2.15.0
LINT         := bin/golangci-lint-$(LINT_VERSION)

.DEFAULT_GOAL := help
.PHONY: help build run test test-race fuzz fmt lint check bench

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/drydock
	go build -ldflags '$(LDFLAGS)' -o bin/drydock ./cmd/drydock

run: build ## build and serve on 127.0.0.1:9000 with an SQLite file in var/
	@mkdir -p var
	@exec bin/drydock serve --database sqlite:var/drydock.db

test: ## run every test, PostgreSQL included
	go test ./...

test-race: ## the same under the race detector
	CGO_ENABLED=1 go test -race ./...

fuzz: ## run each fuzz target for FUZZTIME (20s)
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "== $$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

fmt: $(LINT) ## format the code
	$(LINT) fmt ./...

lint: $(LINT) ## go vet and golangci-lint
	go vet ./...
	$(LINT) run ./...

check: ## all that CI runs
	@for step in build lint test test-race; do \
		printf '\n================ make %s\n' $$step; $(MAKE) --no-print-directory $$step || exit 1; \
	done
	@printf '\n================ go.mod is tidy, other platforms build\n'
	go mod tidy -diff
	GOOS=linux GOARCH=arm64 go build -o /dev/null ./cmd/drydock
	GOOS=darwin GOARCH=arm64 go build -o /dev/null ./cmd/drydock

bench: build ## measure the store, paired with bare statements (BENCHFLAGS='--database postgres://…'; 'design --nodes 1000': designs)
	bin/drydock bench $(BENCHFLAGS)

$(LINT):
	@mkdir -p bin
	GOBIN='$(CURDIR)/bin' go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv bin/golangci-lint $@
