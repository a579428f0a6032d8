# SPDX-License-Identifier: LGPL-2.1-or-later
#
#   make fuzz [FUZZ_SECONDS=60]     builds the fuzzers (libFuzzer, clang) into build-fuzz/ and runs each for that long;
#                                   FUZZERS=build-fuzz/fuzz-options chooses
#   make fuzz-seeds                 only gives each its seeds and what it once found (tests/fuzz/found/NAME), so that none rots
#
# What they find lies in build-fuzz/crash-*; the corpus grows in build-fuzz/corpus/NAME.

FUZZ_SECONDS ?= 60
FUZZ_B ?= build-fuzz
FUZZ_SRC := $(wildcard tests/fuzz/fuzz-*.c)
ALL_FUZZERS := $(patsubst tests/fuzz/%.c,$(FUZZ_B)/%,$(FUZZ_SRC)) $(patsubst tests/fuzz/service-%.c,$(FUZZ_B)/fuzz-%,$(wildcard tests/fuzz/service-*.c)) \
	$(patsubst tests/fuzz/net-%.c,$(FUZZ_B)/fuzz-net-%,$(wildcard tests/fuzz/net-*.c)) \
	$(patsubst tests/fuzz/client-%.c,$(FUZZ_B)/fuzz-%,$(wildcard tests/fuzz/client-*.c))
FUZZERS = $(ALL_FUZZERS)
# The parts that read what others wrote; the networks are not among them.
FUZZED_SRC := $(BASE_SRC) $(PROTOCOL_SRC) $(PROMPTS_SRC) $(wildcard daemon/engine/model/*.c) \
	daemon/engine/layers/lora.c daemon/engine/tensor/matrix.c daemon/engine/tensor/panels.c daemon/engine/tensor/arena.c \
	daemon/engine/tensor/backlog.c \
	$(filter-out daemon/engine/text/text_encoder%.c,$(wildcard daemon/engine/text/*.c)) daemon/engine/denoise/noise.c \
	$(wildcard daemon/engine/denoise/sampler*.c daemon/engine/denoise/schedule*.c) \
	daemon/engine/denoise/plans.c daemon/engine/denoise/state.c \
	$(wildcard daemon/engine/image/read*.c) daemon/engine/image/picture.c daemon/engine/image/png.c \
	$(MARKS_SRC) \
	daemon/engine/worker.c daemon/engine/worker-job.c
# What the service reads: options, settings, messages.
FUZZED_SERVICE_SRC := $(BASE_SRC) $(PROTOCOL_SRC) $(SERVICE_SRC) $(RECORDS_SRC)

# What the network worker reads.
FUZZED_NET_SRC := $(BASE_SRC) $(PROTOCOL_SRC) $(NET_SRC)

fuzz_objects = $(patsubst %.c,$(FUZZ_B)/%.o,$(1))
$(FUZZ_B)/daemon/marks/%.o: MARKS_FLAGS = $(CFLAGS_MARKS)
FUZZ_CC = clang -g -O1 $(ALL_CFLAGS) -fno-openmp -fno-sanitize-recover=undefined
$(FUZZ_B)/%.o: %.c | $(B)/paths.h
	@mkdir -p $(@D)
	$(FUZZ_CC) $(MARKS_FLAGS) -include $(B)/paths.h -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<
# Archives: a fuzzer may bring a function of its own in the place of a file's.
$(FUZZ_B)/libengine.a: $(call fuzz_objects,$(FUZZED_SRC))
$(FUZZ_B)/libservice.a: $(call fuzz_objects,$(FUZZED_SERVICE_SRC))
# What the client reads for assistants.
$(FUZZ_B)/libclient.a: $(call fuzz_objects,$(BASE_SRC) $(HTTP_SRC) $(CLIENT_SRC) $(PROMPTS_SRC) $(MARKS_SRC) $(RECORDS_SRC))
$(FUZZ_B)/fuzz-%: $(FUZZ_B)/tests/fuzz/fuzz-%.o $(FUZZ_B)/libengine.a
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ -ljansson -lconfig -lcrypto -lseccomp -lunistring -lpng -ljpeg -lwebp -lexempi -lz -lm
$(FUZZ_B)/fuzz-%: $(FUZZ_B)/tests/fuzz/service-%.o $(FUZZ_B)/libservice.a
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LDLIBS_SERVICE) -lseccomp
$(FUZZ_B)/libnet.a: $(call fuzz_objects,$(FUZZED_NET_SRC))
$(FUZZ_B)/fuzz-net-%: $(FUZZ_B)/tests/fuzz/net-%.o $(FUZZ_B)/libnet.a
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LDLIBS_NET)
$(FUZZ_B)/fuzz-%: $(FUZZ_B)/tests/fuzz/client-%.o $(FUZZ_B)/libclient.a
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LDLIBS_HTTP)
$(FUZZ_B)/%.a:
	@rm -f $@
	$(AR) rcs $@ $^
-include $(shell find $(FUZZ_B) -name '*.d' 2>/dev/null)

fuzzers: $(FUZZERS)

fuzz-corpus:
	@mkdir -p $(ALL_FUZZERS:$(FUZZ_B)/fuzz-%=$(FUZZ_B)/corpus/%)
	@cp -n conf/imagined.conf $(FUZZ_B)/corpus/settings/
	@cp -n tests/fixtures/nets/tiny/*.safetensors $(FUZZ_B)/corpus/safetensors/
	@for f in $$(find tests/fixtures -name '*config*.json' -o -name imagined.json); do \
		cp -n $$f $(FUZZ_B)/corpus/config/$$(echo $$f | tr / _); done
	@cp -n tests/fixtures/pictures/* $(FUZZ_B)/corpus/picture/
	@python3 tests/fuzz/prompt-seeds tests/fixtures/prompts.json $(FUZZ_B)/corpus/tokenizer
	@tests/fuzz/lora-seeds $(FUZZ_B)/corpus/lora $(FUZZ_B)/corpus/index
	@tests/fuzz/mcp-seeds $(FUZZ_B)/corpus/mcp
	@cp -n tests/fixtures/metadata/* $(FUZZ_B)/corpus/metadata/
	@tests/fuzz/http-seeds $(FUZZ_B)/corpus/http
	@printf 'x\1\0\0\0a\0\0\0\24\0\0\0\0\0\0\0\5\0\0\0steps\0\1u\0\0\0\0\7\0\0\0' >$(FUZZ_B)/corpus/messages/steps
	@tests/fuzz/checkpoint-seeds $(FUZZ_B)/corpus/checkpoint
	@tests/fuzz/net-seeds $(FUZZ_B)/corpus/net-answer
	@tests/fuzz/pictures-seeds $(FUZZ_B)/corpus/net-pictures $(FUZZ_B)/corpus/net-program
	@for d in tests/fuzz/found/*/; do [ ! -d "$$d" ] || cp -n "$$d"* $(FUZZ_B)/corpus/$$(basename "$$d")/; done

FUZZ_RUN = LSAN_OPTIONS=suppressions=tests/lsan.supp:print_suppressions=0 $$f -artifact_prefix=$(FUZZ_B)/ -max_len=64000 \
	-print_final_stats=1 -verbosity=0 $(1) $(FUZZ_B)/corpus/$$(expr $$f : '.*/fuzz-\(.*\)')

fuzz: fuzzers fuzz-corpus
	for f in $(FUZZERS); do echo "---- $$f"; $(call FUZZ_RUN,-max_total_time=$(FUZZ_SECONDS)) || exit 1; done

fuzz-seeds: fuzzers fuzz-corpus
	for f in $(FUZZERS); do $(call FUZZ_RUN,-runs=0) || exit 1; done

.PHONY: fuzz fuzzers fuzz-corpus fuzz-seeds
