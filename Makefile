# SPDX-License-Identifier: LGPL-2.1-or-later
#
#   make                builds everything into build/
#   make check          runs every test
#   make check-full     the long forms of the load test and the fuzzers
#   make golden         notes the pixels of the default model, when its version or the engine's changes
#   make bench          measures (see docs/performance.md)
#   make lint           clang-tidy, gcc -fanalyzer, shellcheck, xmllint
#   make install        honours DESTDIR= and PREFIX=
#   make SAN=1 …        the same with AddressSanitizer and UBSan, into build-san/

VERSION = 0.1.0

PREFIX ?= /usr/local
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
BINDIR ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/imagined
DATADIR ?= $(PREFIX)/share

CC ?= gcc
SAN ?=
B ?= build$(if $(SAN),-san)

PKGS_MARKS = exempi-2.0
PKGS_ENGINE = openblas jansson libpng libjpeg libwebp libwebpmux zlib libseccomp libcrypto
PKGS_SERVICE = libsystemd libconfig $(PKGS_RECORDS)
PKGS_NET = libcurl libsystemd jansson libcrypto libseccomp
PKGS_PROMPTS = libconfig jansson
PKGS_RECORDS = sqlite3 jansson
PKGS_CLIENT = libsystemd jansson libpng zlib libcrypto $(PKGS_PROMPTS) $(PKGS_RECORDS)
PKGS_HTTP = $(PKGS_CLIENT) libmicrohttpd

CFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla \
	-Wno-unknown-warning-option -Wno-missing-field-initializers
SAN_FLAGS = $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
comma := ,
ALL_CFLAGS = -std=gnu17 $(WARNINGS) $(SAN_FLAGS) -fopenmp -pthread -fvisibility=hidden \
	-D_GNU_SOURCE -DVERSION='"$(VERSION)"' -I. -Idaemon -I$(B) $(shell pkg-config --cflags $(sort $(PKGS_ENGINE) $(PKGS_SERVICE) $(PKGS_NET)))
LDLIBS_ENGINE = $(shell pkg-config --libs $(PKGS_ENGINE) $(PKGS_MARKS)) -lunistring -lm
LDLIBS_PROMPTS = $(shell pkg-config --libs $(PKGS_PROMPTS) libseccomp)
LDLIBS_RECORDS = $(shell pkg-config --libs $(PKGS_RECORDS))
LDLIBS_SERVICE = $(shell pkg-config --libs $(PKGS_SERVICE)) -lunistring -lm
LDLIBS_NET = $(shell pkg-config --libs $(PKGS_NET)) -lm
LDLIBS_CLIENT = $(shell pkg-config --libs $(PKGS_CLIENT) $(PKGS_MARKS)) -lunistring -lm
LDLIBS_HTTP = $(shell pkg-config --libs $(PKGS_HTTP) $(PKGS_MARKS)) -lunistring -lm
LDLIBS_TEST = $(shell pkg-config --libs cmocka)
LINK = $(CC) $(CFLAGS) $(LDFLAGS) $(SAN_FLAGS) -fopenmp -pthread

# A folder is a subsystem; a new file in it needs no line here.
BASE_SRC := $(wildcard daemon/base/*.c)
ENGINE_MAIN := $(wildcard daemon/engine/main*.c)
ENGINE_SRC := $(filter-out $(ENGINE_MAIN),$(wildcard daemon/engine/*.c daemon/engine/*/*.c daemon/engine/*/*/*.c))
# What the service and the network worker share is the protocol alone.
NET_PROTOCOL_SRC := daemon/net/protocol.c daemon/net/capabilities.c daemon/net/placeholders.c daemon/workers/packet.c
# What both sides of the socket, or the worker alone, are made of.
PROTOCOL_SRC := $(NET_PROTOCOL_SRC) daemon/workers/protocol.c $(wildcard daemon/workers/sandbox*.c)
SERVICE_SRC := $(filter-out $(PROTOCOL_SRC),$(wildcard daemon/config*.c daemon/service/*.c daemon/service/*/*.c daemon/queue/*.c daemon/workers/*.c))
NET_SRC := $(filter-out daemon/net/main.c $(NET_PROTOCOL_SRC),$(wildcard daemon/net/*.c))
# What stands in pictures' files: the engine writes it, the client reads it.
MARKS_SRC := $(wildcard daemon/marks/*.c)
# The prompt generator: a program of its own, and what the client shows and checks.
PROMPTS_SRC := $(filter-out daemon/prompts/main.c,$(wildcard daemon/prompts/*.c))
# How pictures were made: the service writes it down, the client reads it.
RECORDS_SRC := $(wildcard daemon/records/*.c)
CLIENT_SRC := $(filter-out client/main.c,$(wildcard client/*.c client/desktop/*.c client/mcp/*.c client/metadata/*.c client/review/*.c client/terminal/*.c))
HTTP_SRC := $(filter-out client/http/main.c,$(wildcard client/http/*.c))
# The prompt window, where GTK 4 is.
WINDOW_SRC := $(if $(shell pkg-config --exists 'gtk4 >= 4.8' && echo yes),$(wildcard client/window/*.c))

BASE_LIB = $(B)/libbase.a
ENGINE_LIB = $(B)/libengine.a
PROTOCOL_LIB = $(B)/libprotocol.a
PROMPTS_LIB = $(B)/libprompts.a
MARKS_LIB = $(B)/libmarks.a
RECORDS_LIB = $(B)/librecords.a
SERVICE_LIB = $(B)/libservice.a
CLIENT_LIB = $(B)/libclient.a
HTTP_LIB = $(B)/libhttp.a
NET_LIB = $(B)/libnet.a

PROGRAMS = $(B)/imagined $(B)/imagined-engine $(B)/imagined-net $(B)/imagined-prompts $(B)/imagined-http $(B)/imagine $(B)/imagine-launcher $(WINDOW)
WINDOW = $(if $(WINDOW_SRC),$(B)/imagine-window)

all: $(PROGRAMS)

objects = $(patsubst %.c,$(B)/%.o,$(1))

$(BASE_LIB): $(call objects,$(BASE_SRC))
$(ENGINE_LIB): $(call objects,$(ENGINE_SRC))
$(PROTOCOL_LIB): $(call objects,$(PROTOCOL_SRC))
$(MARKS_LIB): $(call objects,$(MARKS_SRC))
$(PROMPTS_LIB): $(call objects,$(PROMPTS_SRC))
$(RECORDS_LIB): $(call objects,$(RECORDS_SRC))
$(SERVICE_LIB): $(call objects,$(SERVICE_SRC))
$(NET_LIB): $(call objects,$(NET_SRC))
$(CLIENT_LIB): $(call objects,$(CLIENT_SRC))
$(HTTP_LIB): $(call objects,$(HTTP_SRC))
$(B)/%.a:
	@rm -f $@
	$(AR) rcs $@ $^

# Each instruction set has files of its own; only they are compiled for it, and cpuid decides whether they run.
AVX2_FLAGS = -mavx2 -mfma -mf16c
$(B)/%-avx2.o: ISA_FLAGS = $(AVX2_FLAGS)
AVX512_FLAGS = -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mprefer-vector-width=512
$(B)/%-avx512.o: ISA_FLAGS = $(AVX512_FLAGS)
VNNI_FLAGS = $(AVX512_FLAGS) -mavx512vnni
$(B)/%-vnni.o: ISA_FLAGS = $(VNNI_FLAGS)
BF16_FLAGS = $(VNNI_FLAGS) -mavx512vbmi -mavx512bf16
$(B)/%-bf16.o: ISA_FLAGS = $(BF16_FLAGS)
AMX_FLAGS = $(BF16_FLAGS) -mamx-tile -mamx-bf16 -mamx-int8
$(B)/%-amx.o: ISA_FLAGS = $(if $(TILES_EMULATED),$(AVX2_FLAGS),$(AMX_FLAGS))
# The test holds them against what the processor is asked for.
TEST_CPU_FLAGS = -DFLAGS_avx2='"$(AVX2_FLAGS)"' -DFLAGS_avx512='"$(AVX512_FLAGS)"' -DFLAGS_vnni='"$(VNNI_FLAGS)"' \
	-DFLAGS_bf16='"$(BF16_FLAGS)"' -DFLAGS_amx='"$(AMX_FLAGS)"'
$(B)/tests/base/test-cpu.o: ISA_FLAGS = $(TEST_CPU_FLAGS)
# The inner loops: the compiler may vectorise, but not reorder sums behind our back (no -ffast-math).
$(B)/daemon/engine/kernels/%.o $(B)/emulated/daemon/engine/kernels/%.o $(B)/daemon/engine/tensor/%.o $(B)/daemon/engine/image/touches/%.o: \
	KERNEL_FLAGS = $(INNER_FLAGS)
INNER_FLAGS = -O3 -fno-math-errno -fno-trapping-math
# For tests: tiles (AMX) are computed in software, as they are documented, on any processor that has AVX2. TILES_EMULATED=1 for
# all of a build; and always in the objects that the programs tests/engine/test-tiles-NAME have instead of the library's.
TILES_EMULATED ?=
TILE_OBJECTS = daemon/base/cpu.o daemon/engine/kernels/tiles.o daemon/engine/kernels/kernels-amx.o
$(TILE_OBJECTS:%=$(B)/%): TILE_FLAGS = $(if $(TILES_EMULATED),-DTILES_EMULATED)
$(TILE_OBJECTS:%=$(B)/emulated/%): TILE_FLAGS = -DTILES_EMULATED
$(B)/emulated/%-amx.o: ISA_FLAGS = $(AVX2_FLAGS)

# Packed weights are kept from one build to the next only if nothing has changed that lays them out.
PACK_SRC := $(sort $(wildcard daemon/engine/kernels/*.[ch] daemon/engine/tensor/*.[ch] daemon/engine/layers/*.[ch] \
	daemon/engine/*/vae*.[ch] daemon/engine/denoise/unet.c daemon/engine/denoise/t*.c daemon/engine/text/text_encoder.c \
	daemon/engine/model/dtype.c daemon/engine/model/pack.c daemon/engine/pipeline-load.c))
$(B)/daemon/engine/model/pack.o: PACK_FLAGS = -DPACK_SOURCES='"$(shell cat $(PACK_SRC) | sha256sum | cut -c1-16)"'
$(B)/daemon/engine/model/pack.o: $(PACK_SRC)

# SYSCONFDIR, LIBEXECDIR and DATADIR (systemd/install.mk writes them down); the engine knows none of them.
$(B)/daemon/config.o $(B)/daemon/main.o $(B)/daemon/service/%.o $(B)/daemon/workers/%.o $(B)/client/%.o $(B)/tests/%.o: \
	PATH_FLAGS = -include $(B)/paths.h

$(B)/daemon/marks/%.o: MARKS_FLAGS = $(CFLAGS_MARKS)
CFLAGS_MARKS = $(shell pkg-config --cflags $(PKGS_MARKS))

COMPILE = $(CC) $(CPPFLAGS) $(CFLAGS) $(KERNEL_FLAGS) $(ISA_FLAGS) $(TILE_FLAGS) $(PATH_FLAGS) $(PACK_FLAGS) $(MARKS_FLAGS) $(WINDOW_FLAGS) $(ALL_CFLAGS) -MMD -MP -c
$(B)/%.o: %.c | $(B)/paths.h
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $<
$(B)/emulated/%.o: %.c | $(B)/paths.h
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $<

$(B)/imagined: $(B)/daemon/main.o $(SERVICE_LIB) $(RECORDS_LIB) $(PROTOCOL_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_SERVICE)
$(B)/imagined-engine: $(call objects,$(ENGINE_MAIN)) $(ENGINE_LIB) $(MARKS_LIB) $(PROTOCOL_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_ENGINE)
$(B)/imagined-net: $(B)/daemon/net/main.o $(NET_LIB) $(PROTOCOL_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_NET)
$(B)/imagined-prompts: $(B)/daemon/prompts/main.o $(PROMPTS_LIB) $(PROTOCOL_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_PROMPTS)
$(B)/imagine: $(B)/client/main.o $(CLIENT_LIB) $(PROMPTS_LIB) $(RECORDS_LIB) $(MARKS_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_CLIENT)
$(B)/imagined-http: $(B)/client/http/main.o $(HTTP_LIB) $(CLIENT_LIB) $(PROMPTS_LIB) $(RECORDS_LIB) $(MARKS_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_HTTP)
$(B)/imagine-launcher: $(call objects,$(wildcard client/launcher/*.c)) $(CLIENT_LIB) $(PROMPTS_LIB) $(RECORDS_LIB) $(MARKS_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_CLIENT)
# Deprecations of later versions are no concern of what is to run with this one.
$(B)/client/window/%.o: WINDOW_FLAGS = $(CFLAGS_WINDOW)
CFLAGS_WINDOW = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags gtk4)) -DGDK_VERSION_MIN_REQUIRED=GDK_VERSION_4_8 -DGDK_VERSION_MAX_ALLOWED=GDK_VERSION_4_8
$(B)/imagine-window: $(call objects,$(WINDOW_SRC)) $(CLIENT_LIB) $(PROMPTS_LIB) $(RECORDS_LIB) $(MARKS_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_CLIENT) $(shell pkg-config --libs gtk4)

# Tests: tests/FLOOR/test-NAME.c is a cmocka program that links that floor's libraries.
TEST_SRC := $(wildcard tests/*/test-*.c)
# test-tiles-NAME is test-NAME with emulated tiles.
TESTS = $(patsubst %.c,$(B)/%,$(TEST_SRC)) $(addprefix $(B)/tests/engine/test-tiles-,kernels-products products attention winograd)
$(B)/tests/base/test-%: $(B)/tests/base/test-%.o $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_TEST)
$(B)/tests/engine/test-%: $(B)/tests/engine/test-%.o $(ENGINE_LIB) $(MARKS_LIB) $(PROTOCOL_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_ENGINE) $(LDLIBS_TEST)
$(B)/tests/engine/test-tiles-%: $(B)/tests/engine/test-%.o $(TILE_OBJECTS:%=$(B)/emulated/%) $(ENGINE_LIB) $(MARKS_LIB) $(PROTOCOL_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_ENGINE) $(LDLIBS_TEST)
$(B)/tests/service/test-%: $(B)/tests/service/test-%.o $(SERVICE_LIB) $(RECORDS_LIB) $(PROTOCOL_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_SERVICE) $(LDLIBS_TEST)
$(B)/tests/net/test-%: $(B)/tests/net/test-%.o $(NET_LIB) $(PROTOCOL_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_NET) $(LDLIBS_TEST)
$(B)/tests/client/test-%: $(B)/tests/client/test-%.o $(CLIENT_LIB) $(PROMPTS_LIB) $(RECORDS_LIB) $(MARKS_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_CLIENT) $(LDLIBS_TEST)
$(B)/tests/prompts/test-%: $(B)/tests/prompts/test-%.o $(PROMPTS_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_PROMPTS) $(LDLIBS_TEST)
$(B)/tests/records/test-%: $(B)/tests/records/test-%.o $(RECORDS_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_RECORDS) $(LDLIBS_TEST)
# A worker without a model for the service's tests: it draws a gradient.
$(B)/tests/service/stub-worker: $(B)/tests/service/stub-worker.o $(PROTOCOL_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(shell pkg-config --libs libpng libseccomp)
$(B)/tests/service/jumping-clock.so: tests/service/jumping-clock.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARNINGS) -shared -fPIC -o $@ $<

tests: $(TESTS) $(B)/tests/service/stub-worker $(B)/tests/service/jumping-clock.so $(PROGRAMS)

check: tests
	B=$(B) PREFIX=$(PREFIX) SAN=$(SAN) tests/run

# What takes too long for every day; its last results stand in docs/check-full.md.
check-full: tests
	B=$(B) PREFIX=$(PREFIX) SAN=$(SAN) tests/full

include $(wildcard client/po/po.mk systemd/install.mk tests/lint.mk tests/bench.mk tests/fuzz.mk tests/golden.mk tests/full-size.mk)

clean:
	rm -rf build build-*

.PHONY: all tests check check-full bench lint install uninstall clean
.SECONDARY:

-include $(shell find $(B) -name '*.d' 2>/dev/null)
