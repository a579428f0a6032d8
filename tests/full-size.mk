# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Models of the true shapes against PyTorch: make check-full runs it (tests/full), with tests/full-size/run.

$(B)/tests/full-size/compare: $(B)/tests/full-size/compare.o $(ENGINE_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_ENGINE)
