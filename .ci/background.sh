# Runs steps side by side. Their output is shown when they have ended, one after the other.

BACKGROUND_NAMES=() BACKGROUND_PROCESSES=()
FAILED=""  # the names of what has failed so far

# in_background NAME COMMAND…
in_background() {
    local name=$1
    shift
    echo "Started: $name"
    (set -e; "$@") >"$WORK/${name//[^a-z]/-}.txt" 2>&1 </dev/null &
    BACKGROUND_NAMES+=("$name")
    BACKGROUND_PROCESSES+=($!)
}

# Wait for all, and exit if one of them, or what ran beside them, has failed.
finish_background() {
    local i name status
    for i in "${!BACKGROUND_NAMES[@]}"; do
        name=${BACKGROUND_NAMES[$i]} status=0
        wait "${BACKGROUND_PROCESSES[$i]}" || status=$?
        step "Output of: $name"
        cat "$WORK/${name//[^a-z]/-}.txt"
        [ "$status" = 0 ] || FAILED="${FAILED:+$FAILED, }$name"
    done
    BACKGROUND_NAMES=() BACKGROUND_PROCESSES=()
    [ -z "$FAILED" ] || { echo "Failed: $FAILED" >&2; exit 1; }
}

# End those that still run.
stop_background() {
    [ ${#BACKGROUND_PROCESSES[@]} = 0 ] || kill "${BACKGROUND_PROCESSES[@]}" 2>/dev/null || true
}
