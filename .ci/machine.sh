# Install missing programs with Debian's package manager, if it exists and we have the rights.

# COMMAND PACKAGE…: each line is a command to look for and the packages that provide it.
PACKAGES="
/usr/lib/postgresql/*/bin/initdb postgresql
mariadbd mariadb-server
redis-server redis-server
mariadb_config|mysql_config libmariadb-dev gcc pkg-config
nginx nginx-light
chromium chromium
chromedriver chromium-driver
git git
xgettext gettext
openssl openssl
"

install_packages() {
    local missing="" commands packages
    while read -r commands packages; do
        [ -z "$commands" ] || has_any "$commands" || missing="$missing $packages"
    done <<<"$PACKAGES"
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
        echo "Please install:$missing (or run this as root on Debian or Ubuntu)." >&2
        return 1
    fi
    echo "Installing:$missing"
    apt-get update -qq
    # Without starting servers: the tests start their own.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# True if one of the commands exists. They are names or path patterns, separated by |.
has_any() {
    local command
    for command in ${1//|/ }; do
        command -v "$command" >/dev/null || compgen -G "$command" >/dev/null && return 0
    done
    return 1
}

# The interpreter of a Python version: on the path, from pyenv, or installed by uv.
find_python() {
    local found
    for found in "$(command -v "python$1" || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
        if [ -x "$found" ] && "$found" -c "import sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
            echo "$found"
            return 0
        fi
    done
    python3 -m venv "$WORK/uv" >&2
    "$WORK/uv/bin/pip" install --quiet uv >&2
    "$WORK/uv/bin/uv" python install --quiet "$1" >&2
    "$WORK/uv/bin/uv" python find "$1"
}
