# Shared by the launcher and the environment scripts (POSIX sh, sourced).
ROOT_SIZE_MB=5000
ROOT_MINUTES="2 to 10"
IMPORT_CHECK='import dolfinx, petsc4py, mpi4py, gmsh, pydantic, pint, scipy, tqdm, tomli_w, matplotlib, meshio, cyclopts, pandas
v = tuple(int(x) for x in dolfinx.__version__.split(".")[:2])
assert v >= (0, 9), dolfinx.__version__'

say() { printf 'livoid: %s\n' "$*" >&2; }
die() { say "$*"; exit 3; }

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
