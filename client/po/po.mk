# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What people read, in their languages: client/po/LANGUAGE.po, looked up by the English text.
#
#     make po-update      takes new texts over into each language, for translators
#
# Without msgfmt everything is built in English.

LANGUAGES := $(if $(shell command -v msgfmt),$(patsubst client/po/%.po,%,$(wildcard client/po/*.po)))
CATALOGUES = $(LANGUAGES:%=$(B)/locale/%/LC_MESSAGES/imagine.mo)

$(B)/locale/%/LC_MESSAGES/imagine.mo: client/po/%.po
	@mkdir -p $(@D)
	msgfmt --check -o $@ $<
all: $(CATALOGUES)

po-update:
	client/po/extract >$(B)/imagine.pot
	for language in $(LANGUAGES); do msgmerge --quiet --update --backup=none client/po/$$language.po $(B)/imagine.pot; done

.PHONY: po-update
