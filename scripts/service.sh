# shellcheck shell=bash
# Sourced by demo, bench and soak: one Go program of the zoo in the background, which is stopped, and
# its files removed, however the script ends. The script sets `name` first.
# $work is a folder of the script's own, $service the program's pid, $work/said what it prints.
work=$(mktemp -d)
service=

say() { echo "$name: $*" >&2; }
fail() {
    say "$*"
    exit 1
}

stop_service() {
    local status=$?
    trap - EXIT INT TERM
    if [ -n "$service" ] && kill "$service" 2>/dev/null; then
        wait "$service" 2>/dev/null || true
    fi
    rm -rf "$work"
    exit "$status"
}
trap stop_service EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

service_runs() { kill -0 "$service" 2>/dev/null; }

# start_service SECONDS PROGRAM [ARGUMENT...]: starts it and waits until it says that it is ready.
start_service() {
    local limit=$((SECONDS + $1))
    shift
    : >"$work/said"
    "$@" >>"$work/said" 2>"$work/log" & # >>: soak empties the file while the program writes to it
    service=$!
    until grep -q '"ready":true' "$work/said"; do
        if ! service_runs; then
            tail -n 5 "$work/log" >&2
            fail "$(basename "$1") ended by itself"
        fi
        [ "$SECONDS" -lt "$limit" ] || fail "$(basename "$1") did not get ready in time"
        sleep 0.1
    done
}
