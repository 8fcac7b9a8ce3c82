#!/bin/sh
# The test suite: everything serial, shared among the cores, then the parallel part on 2 ranks.
# --quick leaves out the tests marked slow; -n N sets the number of processes of the serial part (0: this one);
# --figures writes what was tried, held and lost into docs/reliability.md. Other arguments go to pytest.
set -u
cd "$(dirname -- "$0")/.." || exit 3
NOTHING_COLLECTED=5

serial_part= parallel_part="parallel and not one_rank" workers=auto before= figures=
for argument; do
    shift
    case $before$argument in
    -n) before=-n ;;
    -n*) workers=${argument#-n} before= ;;
    --figures) figures=$(mktemp) ;;
    --quick) serial_part="not slow" parallel_part="$parallel_part and not slow" ;;
    *) set -- "$@" "$argument" ;;
    esac
done
if [ -n "$figures" ]; then
    [ $# = 0 ] || { echo "livoid: --figures is for the whole suite, without $*" >&2; exit 2; }
    export LIVOID_FIGURES="$figures"
fi
shared="-n $workers --dist loadgroup"
python3 -c "import xdist" >/dev/null 2>&1 || shared=
# shellcheck disable=SC2086
python3 -m pytest -m "$serial_part" $shared "$@"
serial=$?
if [ $# -gt 0 ]; then
    # a selection may have nothing in the parallel part
    python3 -m pytest -m "$parallel_part" -p no:cacheprovider --collect-only -q "$@" >/dev/null 2>&1
    [ $? != $NOTHING_COLLECTED ] || exit $serial
fi
echo "--- parallel part on 2 ranks"
mpirun -n 2 python3 -m pytest -m "$parallel_part" -p no:cacheprovider "$@"
parallel=$?
[ -z "$figures" ] || python3 -m tests.figures "$figures"
[ "$serial" = 0 ] && [ "$parallel" = 0 ]
