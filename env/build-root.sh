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
    if ! command -v mmdebstrap >/dev/null 2>&1 || { ! command -v bwrap >/dev/null 2>&1 && [ "$(id -u)" != 0 ]; }; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
            say "installing mmdebstrap and bubblewrap on this machine"
            export DEBIAN_FRONTEND=noninteractive
            { apt-get update && apt-get install -y --no-install-recommends mmdebstrap bubblewrap; } >>"$log" 2>&1 && return 0
        fi
        die "mmdebstrap and bubblewrap are needed to build the environment; ask for: apt-get install mmdebstrap bubblewrap"
    fi
    [ "$(id -u)" = 0 ] && return 0
    # packages have files of several users: one who is not root needs a range of ids for them
    user=$(id -un 2>/dev/null) || user=$(id -u)
    lacks=
    command -v newuidmap >/dev/null 2>&1 || lacks="newuidmap (apt-get install uidmap)"
    for file in /etc/subuid /etc/subgid; do
        grep -q "^\($user\|$(id -u)\):" "$file" 2>/dev/null || lacks="${lacks:+$lacks and }a range for $user in $file"
    done
    [ -z "$lacks" ] || die "to build the environment without being root, this machine lacks $lacks; ask for it, or use LIVOID_ENV=python with env/environment.yml"
}
# A command with the ids that the root's files belong to.
with_ids() { if [ "$(id -u)" = 0 ]; then "$@"; else mmdebstrap --unshare-helper "$@"; fi; }
discard() {
    [ -d "$1" ] || return 0
    with_ids rm -rf --one-file-system "$1" 2>/dev/null || :
    # its content was theirs, its place is ours
    [ ! -d "$1" ] || rmdir "$1"
}

builder=
cleanup() {
    # the background build ignores the terminal's interrupt: end it before its files go
    if [ -n "$builder" ] && kill "$builder" 2>/dev/null; then wait "$builder" 2>/dev/null || :; fi
    discard "$partial"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
cd /

umask 022
mkdir -p "$(dirname -- "$target")"
: >"$log"
need
free=$(df -Pk "$(dirname -- "$target")" | awk 'NR==2 {print int($4/1024)}')
say "building the environment in $target"
say "needs about $ROOT_SIZE_MB MB of disk (free: $free MB) and $ROOT_MINUTES minutes; done once, used by every clone"
[ "$free" -ge "$ROOT_SIZE_MB" ] || die "not enough disk: set LIVOID_CACHE to a folder with more room"
# what an interrupted build left
for old in "$target".partial.*; do discard "$old"; done

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
with_ids "$here/enter.sh" --build "$partial" pip install --break-system-packages --root-user-action=ignore --no-deps --require-hashes --only-binary :all: \
    --ignore-installed --no-cache-dir --disable-pip-version-check -r /dev/stdin <"$here/requirements.txt" >>"$log" 2>&1 ||
    die "pip failed; last lines of $log:
$(tail -n 5 "$log")"
say "3/3 check"
# the machine's own are shown in their place
with_ids "$here/enter.sh" --build "$partial" sh -c 'mkdir -p /etc/ssl/certs; for file in resolv.conf hosts; do [ -e "/etc/$file" ] || : >"/etc/$file"; done'
"$here/enter.sh" "$partial" python3 -c "$IMPORT_CHECK" >>"$log" 2>&1 || die "the new environment does not import; see $log"
mv -T "$partial" "$target"
say "environment ready: $(( $(date +%s) - started )) s, $(du -sm "$target" 2>/dev/null | cut -f1) MB"
