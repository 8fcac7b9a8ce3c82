#!/bin/sh
# Build the private Debian root that livoid runs in where the host has no dolfinx.
# usage: build-root.sh TARGET [SUITE]   (TARGET must not exist; it appears complete or not at all;
# SUITE: trixie, which is Debian 13 with dolfinx 0.9, or sid with the newest)
set -eu
target=$1
suite=${2:-trixie}
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/lib.sh"
partial="$target.partial.$$"
log="$target.log"

need() {
    command -v mmdebstrap >/dev/null 2>&1 && { command -v bwrap >/dev/null 2>&1 || [ "$(id -u)" = 0 ]; } && return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "installing mmdebstrap and bubblewrap on this machine"
        export DEBIAN_FRONTEND=noninteractive
        { apt-get update && apt-get install -y --no-install-recommends mmdebstrap bubblewrap; } >>"$log" 2>&1 && return 0
    fi
    die "mmdebstrap and bubblewrap are needed to build the environment; ask for: apt-get install mmdebstrap bubblewrap" 
}

builder=
cleanup() {
    # the background build ignores the terminal's interrupt: end it before its files go
    if [ -n "$builder" ] && kill "$builder" 2>/dev/null; then wait "$builder" 2>/dev/null || :; fi
    [ -d "$partial" ] && rm -rf --one-file-system "$partial"
    return 0
}
trap cleanup EXIT
trap 'exit 130' INT TERM

mkdir -p "$(dirname -- "$target")"
: >"$log"
# what an interrupted build left
for old in "$target".partial.*; do [ -d "$old" ] && rm -rf --one-file-system "$old"; done
free=$(df -Pk "$(dirname -- "$target")" | awk 'NR==2 {print int($4/1024)}')
say "building the environment in $target"
say "needs about $ROOT_SIZE_MB MB of disk (free: $free MB) and $ROOT_MINUTES minutes; done once, used by every clone"
[ "$free" -ge "$ROOT_SIZE_MB" ] || die "not enough disk: set LIVOID_CACHE to a folder with more room"
need

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
for candidate in /usr/share/keyrings/debian-archive-trixie-stable.gpg; do
    [ -f "$candidate" ] && keyring=$candidate
done
# sid's lists are valid for a week: a mirror that lags is still good for a test (signatures are checked)
valid=true gone='^$'
# VTK renders with EGL where Mesa no longer has OSMesa
[ "$suite" = trixie ] || { valid=false gone='^libosmesa6$'; }
packages=$(sed -e 's/#.*//' "$here/packages.txt" | grep -v "$gone" | tr -s ' \n' ',' | sed -e 's/^,//' -e 's/,$//')
say "1/3 Debian packages (log: $log)"
started=$(date +%s)
mmdebstrap --variant=apt --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
    --aptopt="Acquire::Check-Valid-Until \"$valid\"" \
    --include="$packages" --keyring="$keyring" \
    "$suite" "$partial" "${LIVOID_DEBIAN_MIRROR:-http://deb.debian.org/debian}" >>"$log" 2>&1 &
builder=$!
wait_with_dots "$builder" "$partial" || die "building failed; last lines of $log:
$(tail -n 5 "$log")"
builder=
say "2/3 Python packages from PyPI"
"$here/enter.sh" "$partial" pip install --break-system-packages --root-user-action=ignore --no-deps \
    --ignore-installed --no-cache-dir --disable-pip-version-check -r "$here/requirements.txt" >>"$log" 2>&1 ||
    die "pip failed; last lines of $log:
$(tail -n 5 "$log")"
say "3/3 check"
"$here/enter.sh" "$partial" python3 -c "$IMPORT_CHECK" >>"$log" 2>&1 || die "the new environment does not import; see $log"
mv -T "$partial" "$target"
say "environment ready: $(( $(date +%s) - started )) s, $(du -sm "$target" 2>/dev/null | cut -f1) MB"
