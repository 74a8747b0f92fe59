# Two commands: `make demo` and `make test`. Each installs what is missing, builds and runs.

.PHONY: demo test test-levels examples lab build release dependencies test-dependencies kernels cli-docs api docs format clean

demo: dependencies
	swift build -c release --product nla $(demo-traits)
	@Examples/demo.sh

# Without the server, whose packages take longer to build than all else, unless this clone has built them already (docs/building.md).
demo-traits = $(if $(wildcard .build/release/Modules/Studio.swiftmodule),,--disable-default-traits)

# The server and the page in processes of their own: they open many connections, and a browser. The server's tests run in turn.
test: test-dependencies kernels
	swift build -c release --build-tests
	swift test -c release --skip-build --disable-xctest --skip '^(StudioTests|BrowserTests)'
	swift test -c release --skip-build --disable-xctest --no-parallel --filter '^StudioTests'
	swift test -c release --skip-build --disable-xctest --filter '^BrowserTests'

# The numeric tests again with the kernels that older processors use (docs/processors.md). After `make test`.
test-levels:
	INTERLINEAR_ISA=avx2 swift test -c release --skip-build --disable-xctest --filter '$(numeric-tests)'
	INTERLINEAR_ISA=base swift test -c release --skip-build --disable-xctest --filter '$(numeric-tests)'

numeric-tests := ^(CKernelsTests|TensorsTests|LanguageModelTests|AutoencoderTests)

# The programs that use the library as another package does (docs/library.md). After `make test` or `make build`.
examples:
	Scripts/check-examples.sh

# What was tried of the argument about readers, on one page. `sh Recipes/lab.sh` tries all of it again.
lab: build
	@.build/release/nla redteam report $(addprefix Experiments/,$(lab-pages)) --output lab.html

# In the order of the argument (docs/results/argument.md): is it true, can it be deceived, can a model be built to be read.
lab-pages := verify/pair.html verify/curve.html \
	$(addprefix redteam/,vector vector-anywhere hide hide-trigger hide-test race-other race frontier frontier-longer \
	frontier-scratch frontier-pull hide-speed hide-speed-trained-on hide-speed-readable hide-speed-readable-2 \
	hide-speed-readable-3 hide-speed-spliced hide-speed-spliced-readable)

build: dependencies
	swift build -c release --product nla

# One archive for machines without Swift (docs/building.md); `Scripts/check-release.sh ARCHIVE` tries it in bare systems.
release: dependencies
	Scripts/make-release.sh

dependencies:
	@Scripts/install-dependencies.sh

# The same, and a browser for the tests of the studio's page.
test-dependencies:
	@Scripts/install-dependencies.sh test

# The C kernels alone: under the sanitizers, and for AArch64 under an emulator.
kernels: dependencies
	Scripts/check-kernels.sh
	Scripts/check-kernels-aarch64.sh

# Writes docs/cli.md anew from the commands' help; a test compares them. After `make test`.
cli-docs:
	INTERLINEAR_WRITE_CLI=1 swift test -c release --skip-build --disable-xctest --filter CommandLineReference

# Writes docs/api anew: what the products declare publicly; a test compares them. After `make test`.
api:
	INTERLINEAR_WRITE_API=1 swift test -c release --skip-build --disable-xctest --filter PublicInterface

# Pages of the products, in .build/docs. After `make test` or `make build`.
docs:
	Scripts/make-docs.sh

format:
	swift format -i -r -p Sources Tests Benchmarks Examples Package.swift

clean:
	rm -rf .build
