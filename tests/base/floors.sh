#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# No include points up, as docs/architecture.md has the floors.
set -u
cd "$(dirname "$0")/../.." || exit 1

declare -A below
while read -r line; do
        for part in $(tr -d , <<<"${line%%:*}"); do
                below[$part]=$(tr -d , <<<"${line#*:}")
        done
done < <(sed -n '/^## Floors/,/^## Rules/s/^    //p' docs/architecture.md)

# What a file belongs to, in $part: service/ and client/ are one with those of their folders that no line names.
find_part() { # PATH
        part=${1#daemon/}
        case $part in
        config*) part=config ;;
        */*) part=${part%/*} ;;
        *) part=main ;;
        esac
        while [ -z "${below[$part]-}" ] && [[ $part == */* ]]; do
                part=${part%/*}
        done
}

declare -A lower
add_lower() { # PART OF
        local part
        for part in ${below[$1]-}; do
                [[ " ${lower[$2]-} " == *" $part "* ]] && continue
                lower[$2]+=" $part"
                add_lower "$part" "$2"
        done
}
for part in "${!below[@]}"; do
        add_lower "$part" "$part"
done

failed=()
n=0
while IFS=: read -r file include; do
        if [ -e "daemon/$include" ]; then include=daemon/$include; fi
        find_part "$file"
        from=$part
        find_part "$include"
        n=$((n + 1))
        [[ $from == "$part" || " ${lower[$from]-} " == *" $part "* ]] || failed+=("$file includes $include")
done < <(grep -r --include='*.[ch]' '^#include "' daemon client | sed 's/#include "\([^"]*\)".*/\1/')

[ "$n" -gt 1000 ] || failed+=("only $n includes were found")
[ ${#failed[@]} -eq 0 ] && echo "ok - no include points up" && exit
printf '# %s\n' "${failed[@]}"
echo "not ok - no include points up"
