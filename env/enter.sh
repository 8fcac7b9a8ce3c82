#!/bin/sh
# Run a command inside a private root: bubblewrap where there is one, chroot (root only) otherwise.
# usage: enter.sh ROOT COMMAND [ARG ...]
# The host's folders keep their paths inside; only the system folders are the root's own.
set -eu
root=$1
shift
unset PYTHONHOME LD_LIBRARY_PATH LD_PRELOAD PETSC_DIR PETSC_ARCH VIRTUAL_ENV PIP_FIND_LINKS 2>/dev/null || :
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8
here=$PWD

host_folders() {
    for folder in /*; do
        case $folder in
        /bin | /sbin | /lib* | /usr | /etc | /var | /boot | /dev | /proc | /sys | /run | /lost+found) ;;
        *) [ -d "$folder" ] && [ ! -L "$folder" ] && printf '%s\n' "$folder" ;;
        esac
    done
}

if command -v bwrap >/dev/null 2>&1 && [ "${LIVOID_ENTER:-bwrap}" = bwrap ] &&
    bwrap --bind "$root" / --dev-bind /dev /dev --proc /proc true 2>/dev/null; then
    set -- --chdir "$here" "$@"
    for folder in $(host_folders); do set -- --bind "$folder" "$folder" "$@"; done
    for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs; do
        [ -e "$file" ] && set -- --ro-bind "$(readlink -f "$file")" "$file" "$@"
    done
    exec bwrap --bind "$root" / --dev-bind /dev /dev --proc /proc --ro-bind /sys /sys "$@"
fi
if [ "$(id -u)" != 0 ]; then
    printf 'livoid: bubblewrap does not work here and chroot needs root; ask for user namespaces or run as root\n' >&2
    exit 3
fi
folders="/dev /proc /sys $(host_folders)"
export LIVOID_ROOT=$root LIVOID_FOLDERS="$folders" LIVOID_HERE=$here
exec unshare --mount --propagation private sh -c '
    set -eu
    for folder in $LIVOID_FOLDERS; do
        mkdir -p "$LIVOID_ROOT$folder"
        mount --rbind "$folder" "$LIVOID_ROOT$folder"
    done
    for file in /etc/resolv.conf /etc/hosts; do
        [ -e "$file" ] || continue
        touch "$LIVOID_ROOT$file"
        mount --bind "$(readlink -f "$file")" "$LIVOID_ROOT$file"
    done
    mount --bind /etc/ssl/certs "$LIVOID_ROOT/etc/ssl/certs"
    exec /usr/sbin/chroot "$LIVOID_ROOT" sh -c "cd \"\$LIVOID_HERE\" && exec \"\$@\"" sh "$@"
' sh "$@"
