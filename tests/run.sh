#!/bin/sh
# The test suite: everything serial, shared among the cores, then the parallel part on 2 ranks.
# --quick leaves out the tests marked slow; -n N sets the number of processes of the serial part (0: this one);
# --figures writes what was tried, held and lost into docs/reliability.md. --repeat N runs the parallel part
# alone, N times beside a process that keeps each core busy. Other arguments go to pytest.
set -u
cd "$(dirname -- "$0")/.." || exit 3
NOTHING_COLLECTED=5

serial_part="not two_ranks" parallel_part="parallel and not one_rank" workers=auto before= figures= repeat=
for argument; do
    shift
    case $before$argument in
    -n | --repeat) before=$argument ;;
    -n*) workers=${argument#-n} before= ;;
    --repeat*) repeat=${argument#--repeat} repeat=${repeat#=} before= ;;
    --figures) figures=yes ;;
    --quick) serial_part="$serial_part and not slow" parallel_part="$parallel_part and not slow" ;;
    *) set -- "$@" "$argument" ;;
    esac
done
case $repeat in
*[!0-9]* | 0) echo "livoid: --repeat takes a number of times, not $repeat" >&2; exit 2 ;;
esac
if [ -n "$figures" ]; then
    [ $# = 0 ] && [ -z "$repeat" ] || { echo "livoid: --figures is for the whole suite alone" >&2; exit 2; }
    figures=$(mktemp) || exit 3
    export LIVOID_FIGURES="$figures"
fi
# runs that several tests compare with, also those of the other part (tests/made_once.py)
LIVOID_SUITE_RUNS=$(mktemp -d) || exit 3
export LIVOID_SUITE_RUNS
loads=
# shellcheck disable=SC2086
trap '[ -z "$loads" ] || kill $loads; rm -rf "$LIVOID_SUITE_RUNS" $figures' EXIT

in_parallel() {
    mpirun -n 2 python3 -m pytest -m "$parallel_part" -p no:cacheprovider "$@"
}

if [ -n "$repeat" ]; then
    for _ in $(seq "$(nproc)"); do
        sh -c 'while :; do :; done' &
        loads="$loads $!"
    done
    held=0
    for _ in $(seq "$repeat"); do
        ! in_parallel "$@" || held=$((held + 1))
    done
    echo "parallel part beside $(nproc) busy processes: $held of $repeat times all tests held"
    [ "$held" = "$repeat" ]
    exit
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
    # nor in the serial one
    [ $serial != $NOTHING_COLLECTED ] || serial=0
fi
echo "--- parallel part on 2 ranks"
in_parallel "$@"
parallel=$?
[ -z "$figures" ] || python3 -m tests.figures "$figures"
[ "$serial" = 0 ] && [ "$parallel" = 0 ]
