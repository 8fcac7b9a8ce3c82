#!/bin/sh
# The test suite: everything serial, then the parallel part on 2 ranks.
# --quick leaves out the tests marked slow and shares the serial part among the cores; other arguments go to pytest.
set -u
cd "$(dirname -- "$0")/.." || exit 3
NOTHING_COLLECTED=5

serial_part= parallel_part=parallel workers=
for argument; do
    shift
    case $argument in
    --quick)
        serial_part="not slow" parallel_part="parallel and not slow"
        python3 -c "import xdist" >/dev/null 2>&1 && workers="-n auto"
        ;;
    *) set -- "$@" "$argument" ;;
    esac
done
# shellcheck disable=SC2086
python3 -m pytest tests -m "$serial_part" $workers "$@"
serial=$?
if [ $# -gt 0 ]; then
    # a selection may have nothing in the parallel part
    python3 -m pytest tests -m "$parallel_part" -p no:cacheprovider --collect-only -q "$@" >/dev/null 2>&1
    [ $? != $NOTHING_COLLECTED ] || exit $serial
fi
echo "--- parallel part on 2 ranks"
mpirun -n 2 python3 -m pytest tests -m "$parallel_part" -p no:cacheprovider "$@"
parallel=$?
[ "$serial" = 0 ] && [ "$parallel" = 0 ]
