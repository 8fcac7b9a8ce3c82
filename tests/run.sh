#!/bin/sh
# The test suite: everything serial, then the parallel part on 2 ranks. Arguments go to pytest.
set -u
cd "$(dirname -- "$0")/.." || exit 3
python3 -m pytest tests "$@"
serial=$?
echo "--- parallel part on 2 ranks"
mpirun -n 2 python3 -m pytest tests -m parallel -p no:cacheprovider "$@"
parallel=$?
[ "$serial" = 0 ] && [ "$parallel" = 0 ]
