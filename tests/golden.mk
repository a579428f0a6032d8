# SPDX-License-Identifier: LGPL-2.1-or-later
#
#   make golden     writes the rows of this engine and this model into tests/fixtures/golden-pixels.txt anew

GOLDEN = tests/fixtures/golden-pixels.txt

golden: $(B)/tests/engine/test-golden
	IMAGINED_GOLDEN=print $< 2>/dev/null | grep -E '^[0-9.]+ [^ ]+ [a-z0-9-]+ [0-9a-f]{64}$$' >$(B)/golden-rows
	@# Rows of other versions stay.
	awk 'NR == FNR { new[$$1 " " $$2 " " $$3]; next } !($$1 " " $$2 " " $$3 in new)' \
		$(B)/golden-rows $(GOLDEN) >$(B)/golden-others
	cat $(B)/golden-others $(B)/golden-rows >$(GOLDEN)
	rm -f $(B)/golden-others $(B)/golden-rows

.PHONY: golden
