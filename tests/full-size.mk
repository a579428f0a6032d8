# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make check-full-size     models of the true shapes against PyTorch (tests/full-size/run says what it needs)

$(B)/tests/full-size/compare: $(B)/tests/full-size/compare.o $(ENGINE_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_ENGINE)

check-full-size: $(B)/tests/full-size/compare $(B)/imagined-engine
	B=$(B) tests/full-size/run

.PHONY: check-full-size
