# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make bench          medians for the default model and for one of Stable Diffusion 1.5's size with random weights
# make bench QUICK=1  fewer runs, and only what is quick to make
# make bench PEER=program   stable-diffusion.cpp beside it

$(B)/tests/bench/bench: $(B)/tests/bench/bench.o $(ENGINE_LIB) $(MARKS_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_ENGINE)
$(B)/tests/bench/job: $(B)/tests/bench/job.o $(ENGINE_LIB) $(MARKS_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_ENGINE)
$(B)/tests/bench/records: $(B)/tests/bench/records.o $(RECORDS_LIB) $(BASE_LIB)
	$(LINK) -o $@ $^ $(LDLIBS_RECORDS)
$(B)/tests/bench/random-model: $(B)/tests/bench/random-model.o $(BASE_LIB)
	$(LINK) -o $@ $^ -lm

bench: $(B)/tests/bench/bench $(B)/tests/bench/records $(B)/tests/bench/job $(B)/tests/bench/random-model $(PROGRAMS)
	B=$(B) QUICK=$(QUICK) PEER=$(PEER) tests/bench/run
