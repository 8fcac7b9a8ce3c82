#!/bin/sh
# Copy a root and add the codes that `livoid bench` compares with: FreeFem from Debian, NGSolve from PyPI.
# usage: build-peers.sh TARGET ROOT   (TARGET must not exist; it appears complete or not at all)
set -eu
target=$1
root=$2
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/lib.sh"
partial="$target.partial.$$"
log="$target.log"
trap 'rm -rf --one-file-system "$partial"' EXIT
trap 'exit 130' INT TERM
cd /
umask 022

: >"$log"
for old in "$target".partial.*; do [ ! -d "$old" ] || rm -rf --one-file-system "$old"; done
free=$(df -Pk "$(dirname -- "$target")" | awk 'NR==2 {print int($4/1024)}')
[ "$free" -ge "$ROOT_SIZE_MB" ] || die "not enough disk for the codes to compare with ($free MB free, $ROOT_SIZE_MB needed)"
say "adding FreeFem and NGSolve to a copy of the environment, once (log: $log)"
cp -a "$root" "$partial"
inside() { "$here/enter.sh" --build "$partial" "$@" >>"$log" 2>&1 || die "that failed; last lines of $log:
$(tail -n 5 "$log")"; }
inside apt-get update
inside env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends freefem++
inside pip install --break-system-packages --root-user-action=ignore --no-deps --require-hashes --only-binary :all: \
    --no-cache-dir --disable-pip-version-check -r /dev/stdin <"$here/peers-requirements.txt"
"$here/enter.sh" "$partial" python3 -c 'import ngsolve, netgen'
mv -T "$partial" "$target"
say "environment of the bench ready"
