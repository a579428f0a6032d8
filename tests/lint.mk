# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make lint: what machines can find without running the program. Every warning is an error.

LINT_SRC := $(wildcard daemon/*.c daemon/*/*.c daemon/*/*/*.c client/*.c client/desktop/*.c client/http/*.c client/mcp/*.c client/metadata/*.c client/review/*.c client/terminal/*.c client/launcher/*.c tests/*/*.c) $(WINDOW_SRC)
LINT_HEADERS := $(wildcard daemon/*.h daemon/*/*.h daemon/*/*/*.h client/*.h client/desktop/*.h client/http/*.h client/mcp/*.h client/metadata/*.h client/review/*.h client/terminal/*.h client/launcher/*.h client/window/*.h dbus/*.h tests/*/*.h) tests/analyzer.h
LINT_SCRIPTS := $(sort .ci/run $(shell grep -lsE '^\#! ?/(usr/)?bin/(env )?(ba)?sh' \
	tests/* tests/*/* client/* client/*/* docs/* desktop/nautilus/scripts/* systemd/* model/* model/*/* 2>/dev/null))
LINT_XML := $(wildcard dbus/*.xml dbus/*.conf dbus/*.policy desktop/*.xml desktop/icons/*.svg)
LINT_COMPLETIONS := $(wildcard client/completions/*.bash)

LINT_FLAGS = $(CPPFLAGS) $(ISA_FLAGS) $(MARKS_FLAGS) $(WINDOW_FLAGS) $(ALL_CFLAGS) -include $(B)/paths.h $(ANALYZER)
ANALYZER = -include tests/analyzer.h
$(B)/lint/daemon/base/error.tidy $(B)/lint/daemon/base/error.fanalyzer: ANALYZER =
$(B)/lint/daemon/marks/%.tidy $(B)/lint/daemon/marks/%.fanalyzer: MARKS_FLAGS = $(CFLAGS_MARKS)
$(B)/lint/client/window/%.tidy $(B)/lint/client/window/%.fanalyzer: WINDOW_FLAGS = $(CFLAGS_WINDOW)
$(B)/lint/%-avx2.tidy $(B)/lint/%-avx2.fanalyzer: ISA_FLAGS = $(AVX2_FLAGS)
$(B)/lint/%-avx512.tidy $(B)/lint/%-avx512.fanalyzer: ISA_FLAGS = $(AVX512_FLAGS)
$(B)/lint/%-vnni.tidy $(B)/lint/%-vnni.fanalyzer: ISA_FLAGS = $(VNNI_FLAGS)
$(B)/lint/%-bf16.tidy $(B)/lint/%-bf16.fanalyzer: ISA_FLAGS = $(BF16_FLAGS)
$(B)/lint/%-amx.tidy $(B)/lint/%-amx.fanalyzer: ISA_FLAGS = $(AMX_FLAGS)
$(B)/lint/tests/base/test-cpu.tidy: ISA_FLAGS = $(TEST_CPU_FLAGS)

$(B)/lint/%.tidy: %.c .clang-tidy tests/.clang-tidy $(LINT_HEADERS) | $(B)/paths.h
	@mkdir -p $(@D)
	clang-tidy --quiet $< -- $(LINT_FLAGS) 2>$@.log || { cat $@.log >&2; exit 1; }
	@mv $@.log $@

# Without optimisation the paths are those of the source. Leaks and null pointers are left to the sanitizers and to clang:
# gcc 12 loses sight of what is stored in a structure.
FANALYZER = -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-null-dereference -Wno-analyzer-null-argument \
	-Wno-analyzer-shift-count-overflow
$(B)/lint/%.fanalyzer: %.c $(LINT_HEADERS) | $(B)/paths.h
	@mkdir -p $(@D)
	gcc -O0 $(FANALYZER) $(LINT_FLAGS) -c -o /dev/null $<
	@touch $@

lint-tidy: $(LINT_SRC:%.c=$(B)/lint/%.tidy)
lint-analyzer: $(patsubst %.c,$(B)/lint/%.fanalyzer,$(filter-out tests/%,$(LINT_SRC)))
lint-scripts:
	shellcheck -x $(LINT_SCRIPTS) $(patsubst %,-s bash %,$(LINT_COMPLETIONS))
lint-xml:
	xmllint --noout --nonet $(LINT_XML)
lint: lint-tidy lint-analyzer lint-scripts lint-xml

.PHONY: lint-tidy lint-analyzer lint-scripts lint-xml
