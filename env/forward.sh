#!/bin/sh
# Run a command in a session of its own and pass the signals that ask for an end on to it, so that it can end in order.
# usage: forward.sh RANKS COMMAND [ARG ...]
# bubblewrap dies of a signal and leaves what runs in it behind; mpirun kills its ranks a second after INT or TERM, but passes
# USR1 on to them (solver/core/interrupts.py takes all of these for the same). A second INT or TERM ends everything.
set -u
ranks=$1 asked= group= again=0
shift
AGAIN=20 # times, twice a second: until Python runs the command ignores signals (solver/core/interrupts.py)

pass() {
    now=$(date +%s)
    if [ -z "$asked" ]; then
        asked=$now
        if [ "$ranks" = 1 ]; then kill -s "$1" -- "-$group"; else kill -s USR1 -- "-$group"; fi
    elif [ "$1" != USR1 ] && [ $((now - asked)) -ge 2 ]; then # sooner it is the same one: batch systems tell everybody
        kill -s TERM -- "-$group"
        sleep 2
        kill -s KILL -- "-$group"
    fi 2>/dev/null
}

command -v setsid >/dev/null 2>&1 || exec "$@"
# a terminal's Ctrl-C comes here only, and bubblewrap, in between, takes no signal
export LIVOID_FORWARDED=1
exec 3<&0
(trap '' INT TERM USR1 HUP; exec setsid "$@" <&3 3<&-) &
child=$! group=$!
exec 3<&-
trap 'pass INT' INT
trap 'pass TERM' TERM
trap 'pass USR1' USR1
trap 'pass HUP' HUP
trap 'kill -s STOP -- "-$group"; kill -s STOP $$; kill -s CONT -- "-$group"' TSTP
[ -n "$asked" ] || wait "$child"
code=$?
while kill -0 "$child" 2>/dev/null; do
    if [ -n "$asked" ] && [ "$again" -lt "$AGAIN" ]; then
        sleep 0.5 &
        wait $!
        again=$((again + 1))
        kill -s USR1 -- "-$group" 2>/dev/null
    else
        wait "$child"
        code=$?
    fi
done
wait "$child" 2>/dev/null
last=$?
[ "$last" = 127 ] || code=$last
exit "$code"
