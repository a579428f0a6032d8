# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Packages of npm for a test: fetched into a temporary folder, of which nothing stays. NODE_PACKAGES names a folder that has
# them already ("npm install PACKAGE…" in it). Without node, npm or the registry the test is skipped.

node_packages() { # PACKAGE…: sets $packages to the folder
        if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
                echo "no node or npm on this machine"
                exit 77
        fi
        if [ -n "${NODE_PACKAGES:-}" ]; then
                packages=$NODE_PACKAGES
                return
        fi
        packages=$(mktemp -d) || exit 1
        trap 'rm -rf "$packages"' EXIT
        (cd "$packages" && timeout 240 npm install --silent --no-audit --no-fund --ignore-scripts --fetch-retries 0 \
                "$@" >"$packages/log" 2>&1) || { echo "the packages $* cannot be had from npm's registry"; exit 77; }
}
