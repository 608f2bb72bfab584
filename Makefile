# The door in front of meson and ninja. `make` builds build/leakhound.
PREFIX ?= /usr/local

.PHONY: build test demo bench soak static format clean install
build:
	@scripts/build
	@echo "built build/leakhound"

# The whole suite; its last line is "N passed, N failed, N skipped". ARGS="--only unit"
# and the like: see scripts/test --help.
test:
	@scripts/setup --test
	@scripts/test $(ARGS)

# Starts a leaky Go web service under load and inspects it.
demo:
	@scripts/demo

# 20 million objects analysed; needs 3 GB of memory. OBJECTS=N BYTES=N for another size.
bench:
	@scripts/bench

# Inspects a busy service again and again and checks that it takes no harm. SECONDS_TO_RUN=N.
soak:
	@scripts/soak

# One file with every library inside, to be copied beside a service: build/static/leakhound.
# Needs the static archives of elfutils, zlib, zstd, lzma and bzip2 (Debian's -dev packages).
static:
	@scripts/build --static
	@echo "built build/static/leakhound"

format:
	@scripts/setup --test
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

install: build
	install -D -m 755 build/leakhound $(DESTDIR)$(PREFIX)/bin/leakhound
	for page in docs/man/*.1; do \
		[ ! -f "$$page" ] || install -D -m 644 "$$page" "$(DESTDIR)$(PREFIX)/share/man/man1/$${page##*/}"; \
	done

clean:
	rm -rf build
