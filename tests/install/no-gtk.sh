#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Where GTK 4 is missing: everything but the prompt window is built and installed, and who asks for the window hears why.
set -u
unset MAKEFLAGS MAKELEVEL
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build} PREFIX=${PREFIX:-/usr/local} SAN=${SAN:-}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

check() { # WHAT COMMAND…
        local what=$1
        shift
        if "$@"; then echo "ok - $what"; else echo "not ok - $what"; fi
}
says() { # TEXT COMMAND…
        local text=$1
        shift
        "$@" 2>&1 | grep -qF -- "$text"
}

mkdir "$work/bin"
cat >"$work/bin/pkg-config" <<END
#!/bin/sh
case "\$*" in *gtk4*) exit 1 ;; esac
exec $(command -v pkg-config) "\$@"
END
chmod +x "$work/bin/pkg-config"
export PATH=$work/bin:$PATH

check "it is built and installed" make -s B="$B" SAN="$SAN" PREFIX="$PREFIX" DESTDIR="$work/root" install
for program in imagine imagined imagined-http; do
        check "with $program" test -x "$work/root$PREFIX/bin/$program" -o -x "$work/root$PREFIX/libexec/imagined/$program"
done
check "without the window" test -z "$(find "$work/root" -name imagine-window)"
check "imagine ask says what is missing" says libgtk-4-dev "$work/root$PREFIX/bin/imagine" ask
