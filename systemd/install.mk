# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make install and make uninstall: one list of what goes where, read by both.
#
#     make PREFIX=/usr && make install PREFIX=/usr DESTDIR=debian/tmp
#
# The paths are compiled in, so build and install with the same PREFIX.

MANDIR ?= $(DATADIR)/man
DOCDIR ?= $(DATADIR)/doc/imagined
UNITDIR ?= $(PREFIX)/lib/systemd/system
USERUNITDIR ?= $(PREFIX)/lib/systemd/user
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
# dbus-daemon reads the system bus's policies from /usr/share and /etc alone.
POLKITDIR ?= $(DATADIR)/polkit-1/actions
DBUSPOLICYDIR ?= $(DATADIR)/dbus-1/system.d
COMPLETIONDIR ?= $(DATADIR)/bash-completion/completions
MODELDIR ?= $(DATADIR)/imagined/models

ZSHDIR ?= $(DATADIR)/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
DESKTOPDIR = $(DATADIR)/imagined/desktop

GENERATED = $(B)/systemd/imagined.service $(B)/systemd/user/imagined.service $(B)/systemd/user/imagined-net@.service \
	$(B)/systemd/user/imagined-http.service \
	$(B)/dbus/org.imagined.Imagine1.system.service $(B)/dbus/org.imagined.Imagine1.session.service \
	$(B)/desktop/org.imagined.Imagine.Launcher.service

# Each line is MODE:SOURCE:TARGET.
installs = $(foreach file,$(1),$(2):$(file):$(3)/$(notdir $(file)))
INSTALLED = \
	$(call installs,$(B)/imagine $(B)/imagined $(WINDOW),755,$(BINDIR)) \
	$(call installs,$(B)/imagined-engine $(B)/imagined-net $(B)/imagined-prompts $(B)/imagined-http $(B)/imagine-launcher,755,$(LIBEXECDIR)) \
	$(foreach file,$(PROMPT_FILES),644:$(file):$(PROMPTDIR)/$(patsubst conf/prompts/%,%,$(file))) \
	644:conf/review.conf:$(DOCDIR)/review.conf \
	644:conf/providers.conf:$(DATADIR)/imagined/providers.conf \
	644:$(B)/systemd/imagined.service:$(UNITDIR)/imagined.service \
	644:$(B)/systemd/user/imagined.service:$(USERUNITDIR)/imagined.service \
	644:$(B)/systemd/user/imagined-net@.service:$(USERUNITDIR)/imagined-net@.service \
	644:systemd/user/imagined-net.socket:$(USERUNITDIR)/imagined-net.socket \
	644:$(B)/systemd/user/imagined-http.service:$(USERUNITDIR)/imagined-http.service \
	644:systemd/user/imagined-http.socket:$(USERUNITDIR)/imagined-http.socket \
	644:systemd/imagined.sysusers:$(SYSUSERSDIR)/imagined.conf \
	644:dbus/org.imagined.Imagine1.conf:$(DBUSPOLICYDIR)/org.imagined.Imagine1.conf \
	644:dbus/org.imagined.imagine1.policy:$(POLKITDIR)/org.imagined.imagine1.policy \
	644:$(B)/dbus/org.imagined.Imagine1.system.service:$(DATADIR)/dbus-1/system-services/org.imagined.Imagine1.service \
	644:$(B)/dbus/org.imagined.Imagine1.session.service:$(DATADIR)/dbus-1/services/org.imagined.Imagine1.service \
	644:dbus/org.imagined.Imagine1.xml:$(DATADIR)/dbus-1/interfaces/org.imagined.Imagine1.xml \
	$(DESKTOP) \
	$(foreach language,$(LANGUAGES),644:$(B)/locale/$(language)/LC_MESSAGES/imagine.mo:$(DATADIR)/locale/$(language)/LC_MESSAGES/imagine.mo) \
	$(foreach section,1 5 8,$(call installs,$(wildcard docs/*.$(section)),644,$(MANDIR)/man$(section))) \
	$(patsubst %,644:%:$(COMPLETIONDIR)/imagine,$(wildcard client/completions/imagine.bash)) \
	$(call installs,$(wildcard README.md SECURITY.md COPYING NOTICE docs/*.md docs/example.*),644,$(DOCDIR)) \
	$(call installs,$(wildcard model/README.md model/NOTICE),644,$(DOCDIR)/model) \
	$(foreach file,$(MODEL_FILES),644:$(file):$(MODELDIR)/$(patsubst model/%,%,$(file)))
# The desktop's pieces where all users have them, and once more where 'imagine desktop' finds them for one user; Thunar, scripts
# and keys know one user only.
DESKTOP = \
	644:desktop/org.imagined.Imagine.desktop:$(DATADIR)/applications/org.imagined.Imagine.desktop \
	644:desktop/org.imagined.Imagine.metainfo.xml:$(DATADIR)/metainfo/org.imagined.Imagine.metainfo.xml \
	644:desktop/icons/org.imagined.Imagine.svg:$(DATADIR)/icons/hicolor/scalable/apps/org.imagined.Imagine.svg \
	644:desktop/icons/org.imagined.Imagine-symbolic.svg:$(DATADIR)/icons/hicolor/symbolic/apps/org.imagined.Imagine-symbolic.svg \
	$(call installs,desktop/nautilus/imagine.py,644,$(DATADIR)/nautilus-python/extensions) \
	$(call installs,$(wildcard desktop/nemo/*),644,$(DATADIR)/nemo/actions) \
	$(call installs,$(wildcard desktop/dolphin/*),755,$(DATADIR)/kio/servicemenus) \
	$(call installs,$(wildcard desktop/krunner/*),644,$(DATADIR)/krunner/dbusplugins) \
	$(call installs,$(wildcard desktop/gnome-shell/*),644,$(DATADIR)/gnome-shell/search-providers) \
	$(call installs,$(B)/desktop/org.imagined.Imagine.Launcher.service,644,$(DATADIR)/dbus-1/services) \
	$(call installs,$(B)/desktop/org.imagined.Imagine.Launcher.service desktop/org.imagined.Imagine.desktop,644,$(DESKTOPDIR)) \
	$(foreach folder,icons nautilus nemo thunar dolphin krunner gnome-shell kglobalaccel,$(call installs,$(filter-out \
		desktop/nautilus/scripts,$(wildcard desktop/$(folder)/*)),644,$(DESKTOPDIR)/$(folder))) \
	$(foreach script,$(SCRIPTS),755:desktop/nautilus/scripts/$(script):$(DESKTOPDIR)/nautilus/scripts/$(script)) \
	644:client/completions/imagine.bash:$(DESKTOPDIR)/completions/imagine \
	644:client/completions/imagine.fish:$(DESKTOPDIR)/completions/imagine.fish \
	644:client/completions/imagine.fish:$(DATADIR)/fish/vendor_completions.d/imagine.fish \
	644:client/completions/_imagine:$(ZSHDIR)/_imagine
SCRIPTS = vary enlarge show illustrate here
MODEL_FILES := $(shell test -d model/default && find model/default -type f ! -name '.*' | sort)
PROMPTDIR ?= $(DATADIR)/imagined/prompts
PROMPT_FILES := $(sort $(wildcard conf/prompts/*.conf conf/prompts/*/*.conf))
CONF = $(wildcard conf/imagined.conf)
CONF_TARGET = $(DESTDIR)$(SYSCONFDIR)/imagined/imagined.conf
# Folders that are this project's alone, innermost first; the others belong to the system.
OWN_FOLDERS = $(foreach folder,nautilus/scripts icons nautilus nemo thunar dolphin krunner gnome-shell kglobalaccel completions,\
		$(DESKTOPDIR)/$(folder)) $(DESKTOPDIR) $(LIBEXECDIR) $(addprefix $(MODELDIR)/,$(shell test -d model/default && cd model && find default -depth -type d)) \
	$(MODELDIR) $(addprefix $(PROMPTDIR)/,templates profiles purposes) $(PROMPTDIR) $(DATADIR)/imagined $(DOCDIR)/model $(DOCDIR) $(SYSCONFDIR)/imagined

$(GENERATED): $(B)/%: %.in $(B)/paths.h
	@mkdir -p $(@D)
	sed -e 's,@BINDIR@,$(BINDIR),g' -e 's,@LIBEXECDIR@,$(LIBEXECDIR),g' $< >$@

# The paths that the programs have compiled in. Written anew only when they change: then what uses them is rebuilt.
define PATHS_H
#define SYSCONFDIR "$(SYSCONFDIR)"
#define LIBEXECDIR "$(LIBEXECDIR)"
#define DATADIR "$(DATADIR)"
endef
export PATHS_H
$(B)/paths.h: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$PATHS_H" | cmp -s - $@ || printf '%s\n' "$$PATHS_H" >$@
FORCE:

all: $(GENERATED)

# A configuration that is already there is the administrator's, unless the target is a package's (DESTDIR).
install: $(PROGRAMS) $(GENERATED) $(CATALOGUES)
	@set -e; for line in $(INSTALLED); do \
		mode=$${line%%:*}; files=$${line#*:}; \
		install -D -m "$$mode" "$${files%%:*}" "$(DESTDIR)$${files#*:}"; \
	done
ifneq ($(CONF),)
	@if [ -z "$(DESTDIR)" ] && [ -e "$(CONF_TARGET)" ] && ! cmp -s "$(CONF)" "$(CONF_TARGET)"; then \
		echo "kept $(CONF_TARGET), which differs from $(CONF)"; \
	else \
		install -D -m 644 "$(CONF)" "$(CONF_TARGET)"; \
	fi
endif
	@if [ -z "$(DESTDIR)" ]; then \
		echo "installed; to start it for all users: systemd-sysusers, systemctl daemon-reload, systemctl reload dbus"; \
		case "$(DBUSPOLICYDIR)" in /usr/share/*|/etc/*) ;; *) \
			echo "the system bus does not read $(DBUSPOLICYDIR): install with DBUSPOLICYDIR=/etc/dbus-1/system.d, and for polkit with" \
				"POLKITDIR=/usr/share/polkit-1/actions" ;; \
		esac; \
	fi

uninstall:
	@for line in $(INSTALLED); do rm -f "$(DESTDIR)$${line##*:}"; done
ifneq ($(CONF),)
	@if [ -n "$(DESTDIR)" ] || cmp -s "$(CONF)" "$(CONF_TARGET)"; then rm -f "$(CONF_TARGET)"; fi
endif
	@for folder in $(OWN_FOLDERS); do \
		rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$folder" 2>/dev/null || true; \
	done

# Where make puts things, for the tests that start what was installed.
print-%:
	@echo '$($*)'
