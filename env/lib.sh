# Shared by the launcher and the environment scripts (POSIX sh, sourced).
ROOT_SIZE_MB=5000
ROOT_MINUTES="2 to 10"
IMPORT_CHECK='import dolfinx, petsc4py, mpi4py, gmsh, pydantic, pint, scipy, tqdm, tomli_w, matplotlib, meshio, cyclopts, pandas
v = tuple(int(x) for x in dolfinx.__version__.split(".")[:2])
assert v >= (0, 9), dolfinx.__version__'

say() { printf 'livoid: %s\n' "$*" >&2; }
die() { say "$*"; exit 3; }

default_cache() {
    case ${XDG_CACHE_HOME:-} in /*) printf %s "$XDG_CACHE_HOME/livoid"; return ;; esac
    [ -z "${HOME:-}" ] || printf %s "$HOME/.cache/livoid"
}
writable() { (umask 022; mkdir -p "$1") 2>/dev/null && [ -w "$1" ]; }

# trust FOLDER: end unless it is one's own, root's or of one's own range of ids (/etc/subuid), and nobody else can write it.
# A group can be oneself alone: one's first group, named as oneself.
trust() {
    # shellcheck disable=SC2046
    set -- "$1" $(stat -L -c '%u %g %a' -- "$1")
    me=$(id -u)
    [ "$2" = 0 ] || [ "$2" = "$me" ] || awk -F: -v me="$me" -v name="$(id -un 2>/dev/null)" -v id="$2" \
        '($1 == name || $1 == me) && id >= $2 && id < $2 + $3 {found = 1} END {exit !found}' /etc/subuid 2>/dev/null ||
        die "$1 belongs to another user ($2), whose code would be run; set LIVOID_CACHE to a folder of your own"
    case $4 in
    *[2367]) ;;
    *[2367]?) [ "$3" != "$(id -g)" ] || [ "$(id -gn 2>/dev/null)" != "$(id -un 2>/dev/null)" ] || return 0 ;;
    *) return 0 ;;
    esac
    die "others can write $1, from which code is run: chmod go-w, or set LIVOID_CACHE to a folder of your own"
}

# wait_with_dots PID FOLDER: wait, showing the folder's size every 10 s
wait_with_dots() {
    while kill -0 "$1" 2>/dev/null; do
        sleep 1
        waited=$(( ${waited:-0} + 1 ))
        if [ $(( waited % 10 )) = 0 ] && [ -d "$2" ]; then
            say "    $waited s, $(du -sm "$2" 2>/dev/null | cut -f1) MB unpacked"
        fi
    done
    wait "$1"
}
