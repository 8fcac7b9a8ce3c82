#!/bin/sh
# The test suite: everything serial, then the parallel part on 2 ranks. Arguments go to pytest.
set -u
cd "$(dirname -- "$0")/.." || exit 3
NOTHING_COLLECTED=5
python3 -m pytest tests "$@"
serial=$?
if [ $# -gt 0 ]; then
    # a selection may have nothing in the parallel part
    python3 -m pytest tests -m parallel -p no:cacheprovider --collect-only -q "$@" >/dev/null 2>&1
    [ $? != $NOTHING_COLLECTED ] || exit $serial
fi
echo "--- parallel part on 2 ranks"
mpirun -n 2 python3 -m pytest tests -m parallel -p no:cacheprovider "$@"
parallel=$?
[ "$serial" = 0 ] && [ "$parallel" = 0 ]
