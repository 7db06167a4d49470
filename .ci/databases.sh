# Starts PostgreSQL, MariaDB and Redis in $WORK, on free ports. Databases of the machine are not touched.

start_databases() {
    step "Databases"
    start_postgresql
    start_mariadb
    start_redis
}

free_port() { python3 -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"; }

# as USER COMMAND…: run a command as another user, because the servers refuse to run as root.
as() {
    local user=$1
    shift
    if [ "$(id -u)" = 0 ]; then runuser -u "$user" -- "$@"; else "$@"; fi
}

owned_folder() {
    mkdir -p "$1"
    [ "$(id -u)" != 0 ] || chown "$2" "$1"
}

start_postgresql() {
    local bin port
    bin=$(dirname "$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -1 || command -v initdb)")
    port=$(free_port)
    owned_folder "$WORK/postgresql" postgres
    as postgres "$bin/initdb" -D "$WORK/postgresql" -A trust -U postgres --no-sync >/dev/null
    as postgres "$bin/pg_ctl" -D "$WORK/postgresql" -w -l "$WORK/postgresql/log" \
        -o "-p $port -h 127.0.0.1 -k $WORK/postgresql -c fsync=off -c max_connections=200" start >/dev/null
    POSTGRESQL_URL=postgres://postgres@127.0.0.1:$port/postgres
    STOP_POSTGRESQL="as postgres $bin/pg_ctl -D $WORK/postgresql -m immediate stop"
    echo "PostgreSQL on port $port"
}

start_mariadb() {
    local port
    port=$(free_port)
    owned_folder "$WORK/mariadb" mysql
    as mysql mariadb-install-db --no-defaults --datadir="$WORK/mariadb" --auth-root-authentication-method=normal >/dev/null
    as mysql mariadbd --no-defaults --datadir="$WORK/mariadb" --port="$port" --bind-address=127.0.0.1 \
        --socket="$WORK/mariadb/socket" --character-set-server=utf8mb4 >"$WORK/mariadb.log" 2>&1 &
    MARIADB_URL=mysql://root@127.0.0.1:$port/test
    wait_for_port "$port" && echo "MariaDB on port $port"
}

start_redis() {
    local port
    port=$(free_port)
    redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no --dir "$WORK" >/dev/null &
    REDIS_PROCESS=$!
    REDIS_URL=redis://127.0.0.1:$port/0
    wait_for_port "$port" && echo "Redis on port $port"
}

wait_for_port() {
    python3 - "$1" <<'PYTHON'
import socket, sys, time
for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close()
        break
    except OSError:
        time.sleep(0.1)
else:
    sys.exit(f"Nothing listens on port {sys.argv[1]}.")
PYTHON
}

stop_databases() {
    ${STOP_POSTGRESQL:-true} >/dev/null 2>&1 || true
    mariadb-admin --no-defaults --user=root --socket="$WORK/mariadb/socket" shutdown 2>/dev/null || true
    [ -z "${REDIS_PROCESS:-}" ] || kill "$REDIS_PROCESS" 2>/dev/null || true
    wait 2>/dev/null || true
}
