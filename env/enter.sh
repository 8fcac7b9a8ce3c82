#!/bin/sh
# Run a command inside a private root: bubblewrap where there is one, chroot (root only) otherwise.
# usage: enter.sh [--build] ROOT COMMAND [ARG ...]
# Inside, /usr and /etc (with /bin, /lib, ...) are the root's own; everything else is the machine's, under its own path, links
# included. Neither the root nor `/` itself can be written, so nothing that a command writes lands where it is lost.
# The folder it starts in and every path on its command line have to be the same inside as outside. What lies in the machine's
# /usr is shown where the root has nothing of that name; otherwise the command is not started (exit code 3).
# --build: the root can be written, and has its own /var and /run (for apt and pip); no path is looked at.
set -eu
own="usr etc" build=
if [ "$1" = --build ]; then own="usr etc var run" build=yes; shift; fi
root=$(readlink -f -- "$1")
shift
unset PYTHONHOME LD_LIBRARY_PATH LD_PRELOAD PETSC_DIR PETSC_ARCH VIRTUAL_ENV PIP_FIND_LINKS 2>/dev/null || :
export PATH="$PATH:/usr/sbin:/sbin" LC_ALL=C.UTF-8 LIVOID_ROOT="$root"
refuse() { printf 'livoid: %s\n' "$*" >&2; exit 3; }
here=$(pwd -P 2>/dev/null) && [ -d "$here" ] || refuse "the folder that this is started in is gone; change to another one"

# What is shown is a list of steps: words for bubblewrap, or lines of a script for mount.
quote() {
    case $1 in
    *\'*) quoted=\'$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")\' ;;
    *) quoted=\'$1\' ;;
    esac
}
# step KIND SOURCE TARGET
step() {
    quote "$2"; source=$quoted
    quote "$new$3"; target=$quoted
    case $tool-$1 in
    bwrap-bind) steps="$steps --bind $source $target" ;;
    bwrap-readonly) steps="$steps --ro-bind $source $target" ;;
    bwrap-link) steps="$steps --symlink $source $target" ;;
    bwrap-empty) steps="$steps --tmpfs $target" ;;
    bwrap-seal) seals="$seals --remount-ro $target" ;;
    # what cannot be shown is left out here: paths in use are compared in the end
    mount-bind) steps="$steps place $source $target && mount --rbind $source $target || :;" ;;
    mount-readonly) steps="$steps place $source $target; mount --rbind $source $target; mount -o remount,bind,ro $target;" ;;
    mount-link) steps="$steps ln -sn -- $source $target;" ;;
    mount-empty) steps="$steps mkdir -p $target; mount -t tmpfs -o mode=755 tmpfs $target;" ;;
    mount-seal) seals="$seals mount -o remount,bind,ro $target;" ;;
    esac
}
# show KIND SOURCE TARGET: a folder, a file or a link
show() {
    if [ -L "$2" ]; then step link "$(readlink -- "$2")" "$3"
    elif [ -d "$2" ] || [ -f "$2" ]; then step "$1" "$2" "$3"; fi
}
roots_own() {
    case ${1#/} in bin | sbin | lib | lib32 | lib64 | libx32 | dev | proc | sys | boot | lost+found) return 0 ;; esac
    case " $own " in *" ${1#/} "*) return 0 ;; esac
    return 1
}
layout() {
    step empty '' ''
    for entry in /* /.[!.]*; do roots_own "$entry" || show bind "$entry" "$entry"; done
    case $tool in
    bwrap) steps="$steps --dev-bind /dev /dev --proc /proc --ro-bind /sys /sys" ;;
    mount) for entry in /dev /proc /sys; do step bind "$entry" "$entry"; done ;;
    esac
    kind=readonly
    [ -z "$build" ] || kind=bind
    for entry in $own; do step $kind "$root/$entry" "/$entry"; done
    for entry in bin sbin lib lib32 lib64 libx32; do show $kind "$root/$entry" "/$entry"; done
    for entry in /etc/resolv.conf /etc/hosts /etc/ssl/certs; do
        [ -e "$entry" ] && [ -e "$root$entry" ] || continue
        step readonly "$(readlink -f -- "$entry")" "$entry"
    done
    step seal '' ''
}
# A folder of the root, entry by entry, so that something of the machine can stand in it; the folders above it first.
open() {
    [ "$1" = /usr ] || open "${1%/*}"
    case $opened in *":$1:"*) return ;; esac
    opened="$opened$1:"
    step empty '' "$1"
    for entry in "$root$1"/* "$root$1"/.[!.]*; do show readonly "$entry" "${entry#"$root"}"; done
    step seal '' "$1"
}
# A path of the machine that the root's /usr hides; one with detours leads to where it does without, which is shown too.
reveal() {
    case $1 in */../* | */.. | */./* | */. | *//*) return 0 ;; /usr/?*) ;; *) return 0 ;; esac
    folder=/usr left=${1#/usr/}
    while [ -d "$root$folder/${left%%/*}" ]; do
        folder=$folder/${left%%/*}
        case $left in */*) left=${left#*/} ;; *) return 0 ;; esac
    done
    entry=$folder/${left%%/*}
    [ ! -e "$root$entry" ] || return 0
    case $opened in *":$entry:"*) return ;; esac
    hidden=$entry
    open "$folder"
    opened="$opened$hidden:"
    show bind "$hidden" "$hidden"
}
# prepare TOOL PATHS [PATH IDENTITY] ...: the steps with which a tool shows these paths
prepare() {
    tool=$1 steps= seals= new= opened=: left_over=$2
    shift 2
    [ "$tool" = bwrap ] || new=$root/mnt
    layout
    while [ "$left_over" -gt 0 ]; do
        reveal "$1"
        reveal "$(readlink -f -- "$1")"
        shift 2
        left_over=$((left_over - 1))
    done
}

# The paths in use: of each, what exists, with its device and inode. They come before the command's words.
words=$# paths=0 option= start=
for word in "$here" "${TMPDIR:-$here}" "${LIVOID_CACHE:-$here}" "${LIVOID_LAUNCHER:-$here}" "$@"; do
    [ -z "$build" ] || break
    value=$word
    case $word in
    --*=*) option=${word%%=*} value=${word#*=} ;;
    -*) option=$word; continue ;;
    esac
    if [ "$option" = --set ]; then value=${value#*=} value=${value#[\"\']} value=${value%[\"\']}; fi
    case $value in '') continue ;; /*) path=$value ;; *) path=${here%/}/$value ;; esac
    while [ ! -e "${path:-/}" ]; do path=${path%/*}; done
    path=${path:-/}
    case $path:$option in
    /:--out | /:--mark) refuse "$value: nothing can be made in / from inside the environment; make the folder first, or choose another place" ;;
    /:* | "$start":*) ;;
    *) set -- "$@" "$path" "$(stat -L -c %d:%i -- "$path")"; paths=$((paths + 1)) start=$here ;;
    esac
    option=
done
while [ "$words" -gt 0 ]; do set -- "$@" "$1"; shift; words=$((words - 1)); done
same='export PATH=/usr/local/bin:/usr/bin:/bin
paths=$1
shift
while [ "$paths" -gt 0 ]; do
    if [ "$(stat -L -c %d:%i -- "$1" 2>/dev/null)" != "$2" ]; then
        printf "livoid: %s: inside the environment there is another folder at this place (/usr, /etc, /proc and the like are its own); use a path elsewhere\n" "$1" >&2
        exit 3
    fi
    shift 2
    paths=$((paths - 1))
done
cd -- "$LIVOID_HERE"
exec "$@"'
export LIVOID_HERE="$here"

if command -v bwrap >/dev/null 2>&1 && [ "${LIVOID_ENTER:-bwrap}" = bwrap ]; then
    prepare bwrap "$paths" "$@"
    if reason=$(eval "bwrap $steps $seals --chdir / /bin/true" 2>&1); then
        eval "exec bwrap $steps $seals --chdir / /bin/sh -c \"\$same\" sh \"\$paths\" \"\$@\""
    fi
fi
[ "$(id -u)" = 0 ] ||
    refuse "bubblewrap does not work here (${reason:-it is not installed}) and chroot needs root; ask for user namespaces or run as root"
prepare mount "$paths" "$@"
export LIVOID_STEPS="set -eu
    place() {
        if [ -d \"\$1\" ]; then mkdir -p \"\$2\"; elif [ ! -e \"\$2\" ]; then : >\"\$2\"; fi
    }
    $steps $seals"
exec unshare --mount --propagation private sh -c '
    eval "$LIVOID_STEPS"
    unset LIVOID_STEPS
    exec chroot "$0" "$@"' "$root/mnt" /bin/sh -c "$same" sh "$paths" "$@"
