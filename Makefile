# Everything a developer runs, described by itself: `make help`.
#
# Figures that a machine may want to change:
FUZZTIME  ?= 1s#   how long each fuzz target runs in `make check`
FUZZLONG  ?= 2m#   and in `make fuzz`
BENCHTIME ?= 1s#   how long each benchmark runs
SCALE     ?= 20#   how many times larger than in `make test` the soak runs are
#
# What the random tests draw: a number that a run printed, new, or what follows from their names. The long runs look for new cases.
soak chaos race-all: export P2PCHAIN_SEED ?= new

GO       ?= go
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X main.version=$(VERSION)
PACKAGES := ./...

# As the program is built; also in tests, so that what they compile is the same, and once.
export CGO_ENABLED = 0
export GOFLAGS := $(strip $(filter-out -trimpath,$(shell $(GO) env GOFLAGS)) -trimpath)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r t d; do printf '  make %-11s %s\n' "$$t" "$$d"; done

.PHONY: build
build: ## the one static binary, bin/p2pchain
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/p2pchain ./cmd/p2pchain

.PHONY: cross
cross: ## the same for every platform of a release, not optimized, and thrown away
	@nice .ci/cross all

.PHONY: snapshot
snapshot: ## all files of a release in out/release: archives, packages, checksums
	VERSION=$(VERSION) .ci/snapshot

.PHONY: packages
packages: ## the packages of make snapshot on a Debian that boots: installed, hung, upgraded, removed (root)
	.ci/packages

.PHONY: test
test: ## all tests (under 3 minutes on 2 cores)
	$(GO) test $(PACKAGES)

.PHONY: check
check: fmt vet staticcheck layout tidy vuln build crash forgeries fuzz-short ## everything that a change must pass
	@# Pages and containers are mostly waited for, and other platforms compiled.
	@$(MAKE) --no-print-directory -j2 --output-sync=target browser cross docs container
	@$(MAKE) --no-print-directory race

.PHONY: fmt
fmt: ## gofmt, without changing files
	@out=$$(gofmt -l .); \
	if [ -n "$$out" ]; then echo "not gofmt'd (run gofmt -w on them):"; echo "$$out"; exit 1; fi

.PHONY: vet
vet: ## go vet
	$(GO) vet $(PACKAGES)

.PHONY: staticcheck
staticcheck: ## staticcheck, in the version that go.mod pins
	$(GO) tool staticcheck $(PACKAGES)

.PHONY: layout
layout: ## the import rules of the folders
	$(GO) test -count=1 ./cmd/internal/layout

.PHONY: tidy
tidy: ## go.mod and go.sum hold what the code needs, no more (skipped offline)
	@.ci/online $(GO) mod tidy -diff

.PHONY: vuln
vuln: ## known vulnerabilities in what we call (skipped offline)
	@.ci/online $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.1.4 $(PACKAGES)

.PHONY: race
race: ## tests under the race detector, but for what is sequential, whole programs and the simulator, with fewer random cases
	CGO_ENABLED=1 $(GO) test -race -short -p 3 -timeout 15m $$($(GO) list $(PACKAGES) | grep -vE '/(cmd/p2pchain|integration|doctest|deploytest|release|layout|openapi|evidence|trust|document|chainfile|sketch|simtest)$$')

.PHONY: race-all
race-all: ## all tests under the race detector (half an hour)
	CGO_ENABLED=1 $(GO) test -count=1 -race -timeout 40m $(PACKAGES)

.PHONY: browser
browser: ## tests of pages in a real browser (chromium); pictures are kept in out/
	P2PCHAIN_BROWSER=1 $(GO) test -count=1 -run Browser ./api/... ./cmd/internal/integration ./cmd/internal/demo

.PHONY: docs
docs: ## every shell block of every page, on machines of its own (needs root)
	P2PCHAIN_DOCS=1 $(GO) test -count=1 -parallel 8 -run TestBlocks ./cmd/internal/doctest

.PHONY: container
container: ## the image, built and put through trouble as three nodes (skipped where it cannot run)
	@.ci/container

.PHONY: screenshots
screenshots: ## docs/pictures/*.png anew, of nodes to which things happened
	@mkdir -p docs/pictures
	P2PCHAIN_BROWSER=1 $(GO) test -count=1 -run BrowserPictures ./cmd/internal/integration -args -pictures $(CURDIR)/docs/pictures

.PHONY: capture
capture: ## docs/pictures/demo.gif anew: a film of a network that is cut and heals
	@mkdir -p docs/pictures
	P2PCHAIN_BROWSER=1 $(GO) test -count=1 -run BrowserCapture ./cmd/internal/demo -args -film $(CURDIR)/docs/pictures/demo.gif

.PHONY: crash
crash: ## 5,000 crash images of the store: whatever a power cut leaves, it opens and holds
	$(GO) test -count=1 -run Crash ./core/store -args -images 5000

.PHONY: forgeries
forgeries: ## 100,000 altered proofs: every one is refused, with a reason
	$(GO) test -count=1 -run Mutated ./core/proof -args -mutations 100000

.PHONY: fuzz-short
fuzz-short: ## what reads the bytes of strangers, for a moment (FUZZTIME) each
	@.ci/fuzz --blind $(FUZZTIME) api bootstrap core/chainfile core/consensus core/document core/proof core/*_test.go p2p

.PHONY: fuzz
fuzz: ## every fuzz target for minutes (FUZZLONG)
	@.ci/fuzz $(FUZZLONG)

.PHONY: bench
bench: ## every benchmark (how to read them: docs/benchmarks.md)
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) $(PACKAGES)

.PHONY: soak
soak: ## the whole-node tests, many times as large (SCALE), and simulated networks in full size
	P2PCHAIN_LONG=1 $(GO) test -count=1 -v -timeout 1h ./p2p/...
	$(GO) test -count=1 -v -timeout 4h ./cmd/internal/integration -args -scale $(SCALE)

.PHONY: chaos
chaos: ## crash, kill, partition and fork choice tests, many times over (SCALE)
	$(GO) test -count=1 -timeout 4h -run Crash ./core/store -args -images $$((500 * $(SCALE)))
	$(GO) test -count=1 -timeout 4h -run Model ./core/chain -args -model-steps $$((100000 * $(SCALE)))
	P2PCHAIN_LONG=1 $(GO) test -count=$(SCALE) -v -timeout 4h -run Storm ./p2p/simtest
	$(GO) test -count=1 -v -timeout 4h -run 'Kill|Restart|Partition|Stack' ./cmd/internal/integration -args -scale $(SCALE)

.PHONY: cover
cover: ## statement coverage of all packages by all tests
	$(GO) test -coverpkg=./... -coverprofile=coverage.out $(PACKAGES)
	$(GO) tool cover -func=coverage.out | tail -n 1

.PHONY: generate
generate: ## write generated sources anew (needs protoc)
	$(GO) generate $(PACKAGES)

.PHONY: clean
clean: ## remove what make built
	rm -rf bin out coverage.out
