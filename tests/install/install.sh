#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make install and make uninstall, as a packager and as a person use them.
set -u
unset MAKEFLAGS MAKELEVEL
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build} PREFIX=${PREFIX:-/usr/local} SAN=${SAN:-}
work=$(mktemp -d "$B/install-test.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
programs=(imagine imagined imagined-engine imagined-net imagined-prompts imagined-http)

check() { # WHAT COMMAND…
        local what=$1
        shift
        if "$@"; then echo "ok - $what"; else echo "not ok - $what"; fi
}

# The programs are taken as they are (-o): only where things go is looked at, with any PREFIX.
mkdir "$work/b"
for program in "${programs[@]}"; do cp "$B/$program" "$work/b/"; done
with() { # MAKE-ARGUMENTS…
        make -s B="$work/b" "${programs[@]/#/-o$work/b/}" "$@"
}
tree() { # FOLDER
        (cd "$1" && find . ! -type d -printf '%P %m %s\n' | sort)
}
no_files() { # FOLDER
        ! find "$1" ! -type d | grep -q .
}
says_kept() {
        with PREFIX="$prefix" install >"$work/said"
        grep -q '^kept .*imagined.conf' "$work/said"
}

# A package: Debian's prefix and a relative DESTDIR.
root=$(realpath --relative-to=. "$work")/root
check "installs" with PREFIX=/usr DESTDIR="$root" install
tree "$root" >"$work/first"
while read -r path mode; do
        check "/$path is there, $mode" grep -q "^$path $mode " "$work/first"
done <<'END'
usr/bin/imagine 755
usr/bin/imagined 755
usr/libexec/imagined/imagined-engine 755
usr/libexec/imagined/imagined-net 755
usr/libexec/imagined/imagined-prompts 755
usr/libexec/imagined/imagined-http 755
usr/share/imagined/providers.conf 644
usr/share/imagined/prompts/vocabulary.conf 644
usr/share/imagined/prompts/templates/portrait.conf 644
usr/share/imagined/models/default/words.json 644
usr/lib/systemd/system/imagined.service 644
usr/lib/systemd/user/imagined.service 644
usr/lib/systemd/user/imagined-net.socket 644
usr/lib/systemd/user/imagined-http.socket 644
usr/lib/systemd/user/imagined-http.service 644
usr/lib/systemd/user/imagined-net@.service 644
usr/lib/sysusers.d/imagined.conf 644
usr/share/dbus-1/system.d/org.imagined.Imagine1.conf 644
usr/share/dbus-1/system-services/org.imagined.Imagine1.service 644
usr/share/dbus-1/services/org.imagined.Imagine1.service 644
usr/share/dbus-1/interfaces/org.imagined.Imagine1.xml 644
usr/share/bash-completion/completions/imagine 644
usr/share/man/man1/imagine.1 644
usr/share/man/man5/imagined.conf.5 644
usr/share/man/man8/imagined.8 644
usr/share/doc/imagined/COPYING 644
usr/share/doc/imagined/model/NOTICE 644
etc/imagined/imagined.conf 644
END
check "the model is there" grep -q '^usr/share/imagined/models/default/model_index.json 644 ' "$work/first"
# shellcheck disable=SC2046
check "no placeholder is left" test -z "$(grep -rlE '@[A-Z]+@' $(find "$root" -name '*imagin*.service'))"
check "the activation files name the program" test 2 -eq \
        "$(cat "$root"/usr/share/dbus-1/*services/*.service | grep -c '^Exec=/usr/bin/imagined --')"
check "installs again" with PREFIX=/usr DESTDIR="$root" install
tree "$root" >"$work/second"
check "the second time changes nothing" cmp "$work/first" "$work/second"
check "uninstalls" with PREFIX=/usr DESTDIR="$root" uninstall
check "no file is left" no_files "$root"
check "no folder of ours is left" test -z "$(find "$root" -name '*imagine*')"
check "uninstalls what is not there" with PREFIX=/usr DESTDIR="$root" uninstall

# The default prefix: nothing outside of it.
check "installs under /usr/local" with PREFIX=/usr/local DESTDIR="$work/local" install
check "everything is under it" test -z "$(tree "$work/local" | grep -v '^usr/local/')"

# A person, without a DESTDIR: their configuration is theirs.
prefix=$(realpath "$work")/prefix
conf=$prefix/etc/imagined/imagined.conf
with PREFIX="$prefix" install >/dev/null
echo "# changed" >>"$conf"
check "says that it keeps a changed configuration" says_kept
check "keeps it" grep -q '^# changed' "$conf"
with PREFIX="$prefix" uninstall
check "uninstalling leaves it alone" test "$(find "$prefix" ! -type d)" = "$conf"
