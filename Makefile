# One or two lines a target; `make` alone lists them. Every program is static: no cgo.
export CGO_ENABLED := 0
# Go stamps the commit into the program; where git cannot read the repository (another owner, no git), it is left out.
ifneq ($(shell git rev-parse HEAD >/dev/null 2>&1; echo $$?),0)
export GOFLAGS += -buildvcs=false
endif

ARCHES   := amd64 arm64
BIN      := builder/agent/bin
GOBUILD  := go build -trimpath -ldflags '-s -w'
FUZZTIME ?= 60s
GOVULNCHECK := v1.9.0
NFPM     := v2.45.2
# The systems of slim's releases: its agents run on Linux, it can be a client on the others.
CLIENTS  := darwin-amd64 darwin-arm64 windows-amd64 windows-arm64
RELEASED := $(addprefix linux-,$(ARCHES)) $(CLIENTS)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: sensors ## build bin/slim, with the agent for every platform embedded
	$(GOBUILD) -o bin/slim ./cmd/slim

sensors: ## build the agent for every platform into the directory that slim embeds
	@for arch in $(ARCHES); do \
	  GOOS=linux GOARCH=$$arch $(GOBUILD) -buildvcs=false -o $(BIN)/slim-sensor-linux-$$arch ./cmd/slim-sensor || exit 1; done

agent-image: build ## build bin/slim-agent.oci.tar, an image with only the agent; reproducible
	bin/slim agent --oci bin/slim-agent.oci.tar

frontend-image: sensors ## build bin/slim-frontend.oci.tar, the image for "# syntax=" in a Dockerfile, for every platform
	@for arch in $(ARCHES); do GOOS=linux GOARCH=$$arch $(GOBUILD) -buildvcs=false -tags frontend \
	  -o bin/slim-frontend-linux-$$arch ./cmd/slim-frontend || exit 1; done
	go run ./cmd/slim-frontend/mkimage -bin bin -agents $(BIN) -out bin/slim-frontend.oci.tar

clients: sensors ## build and vet slim for the systems where it is only a client; some three minutes a system the first time
	@for system in $(CLIENTS); do GOOS=$${system%-*} GOARCH=$${system#*-} go vet ./cmd/slim ./builder/... ./layers/... && \
	  GOOS=$${system%-*} GOARCH=$${system#*-} go build -o /dev/null ./cmd/slim || exit 1; done

release: sensors frontend-image ## make the files of release VERSION=v1.2.3 in bin/release, signed with KEY=FILE; reproducible
	@test -n "$(VERSION)" || { echo "usage: make release VERSION=v1.2.3 [KEY=FILE]"; exit 1; }
	@git diff --quiet HEAD -- || { echo "there are changes that are not committed: the provenance would name another commit"; exit 1; }
	@for system in $(RELEASED); do GOOS=$${system%-*} GOARCH=$${system#*-} go build -trimpath -buildvcs=false \
	  -ldflags '-s -w -X main.release=$(VERSION)' -o bin/programs/slim-$$system ./cmd/slim || exit 1; done
	@SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} go run ./cmd/slim/mkrelease -version '$(VERSION)' \
	  -commit "$$(git rev-parse HEAD)" -nfpm 'go run github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM)' \
	  $(if $(KEY),-key '$(KEY)') $(if $(BUILDER),-builder '$(BUILDER)')

test: sensors ## run the unit tests; they need no root, no daemon and, after the Go modules are downloaded, no network
	go test -timeout 10m ./...

e2e: sensors ## run the end-to-end tests with real BuildKit and runc, as root; a missing tool is a failure; RUN=REGEXP chooses tests, SHORT=1 samples less
	go test -tags e2e -timeout 60m -count 1 -v $(if $(SHORT),-short) -run '$(RUN)' ./integration

e2e-podman: sensors ## run the tests with podman, buildah, skopeo, crun and containerd, as root; a missing tool is a failure; RUN chooses
	mkdir -p .cache && go test -c -tags e2e -o .cache/e2e.test ./integration
	cd integration && podman/box.sh ../.cache/e2e.test -test.timeout 40m -test.v -test.run '$(or $(RUN),^Test(Podman|OutputsElsewhere)$$)'

e2e-arm64: ## run slim in a virtual machine for arm64 (QEMU, half an hour and more); ARM64_DIR keeps what was downloaded
	integration/arm64/e2e.sh

e2e-docker: sensors ## run the tests with a current Docker engine, both its image stores, buildx and Compose, as root; the first run builds all
	mkdir -p .cache && go test -c -tags e2e,dockerengine -o .cache/e2e-docker.test ./integration
	cd integration && ../.cache/e2e-docker.test -test.run '^TestShopWorld$$' # the others have no network
	@cd integration && for store in containerd classic; do ./docker-engine.sh $$store \
	  ../.cache/e2e-docker.test -test.timeout 30m -test.v -test.run '$(or $(RUN),^TestOwn)' || exit 1; done

cosign: sensors ## verify slim's signatures with cosign's libraries (a separate Go module); only the first run needs a network
	cd integration/cosign && go test -timeout 10m -count 1 ./...

scanners: sensors ## read slim's results with Trivy, Grype, Syft and osv-scalibr (separate Go modules, slow to compile); SCANNED=DIR adds results
	SLIM_SCANNED='$(SCANNED)' go test -tags e2e,scanners -timeout 90m -count 1 -v -run '^TestScanners' ./integration

bench: sensors ## measure the performance ratios that slim promises, each in one run
	go test -tags e2e -timeout 30m -run '^$$' -bench . -benchtime 1x ./integration

fuzz: ## run each fuzz target for FUZZTIME (one minute)
	@for pkg in $$(go list ./...); do for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	  echo "== $$pkg $$target"; go test -run "^$$" -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$pkg || exit 1; done; done

lint: sensors ## check gofmt, go vet, the project's own rules, go.mod and the generated docs
	@files=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$files" || { echo "gofmt -w these:"; echo "$$files"; exit 1; }
	go vet -tags e2e,dockerengine,scanners ./... && go vet -tags frontend ./cmd/slim-frontend ./builder/...
	@! grep -rl --include='*.go' '"path/filepath"' analyzer | grep -vE '_test\.go$$|/rpmtest/|^analyzer/vuln/database\.go$$' || \
	  { echo "rootfs paths are slash paths: use package path"; exit 1; }
	go mod tidy -diff
	go test -count 1 -run '^TestReference$$' ./cmd/slim
	go test -count 1 -run '^Test(LineLength|FunctionLength|ImportArrow|BuildKitHome)$$' ./integration
	@! command -v golangci-lint >/dev/null || golangci-lint run

vulncheck: sensors ## look for known vulnerabilities in the code that slim calls; it needs a network (vuln.go.dev)
	go run golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK) ./...

generate: ## generate docs/reference.md from the program's help
	go test -count 1 -run '^TestReference$$' ./cmd/slim -update

demo: build ## slim an example image made from Debian packages, run it, and show it before and after
	examples/demo.sh

examples: build ## build the examples and compare each result with its want.txt
	examples/check.sh

cover: sensors ## write the test coverage to cover.out
	go test -timeout 10m -coverprofile cover.out ./... && go tool cover -func cover.out | tail -1

clean: ## remove all files that make built
	rm -rf bin .cache cover.out $(BIN)/slim-sensor-linux-*

.DEFAULT_GOAL := help
.PHONY: help build sensors agent-image frontend-image clients release test e2e e2e-docker e2e-podman e2e-arm64 cosign scanners bench fuzz lint vulncheck generate \
  demo examples cover clean
