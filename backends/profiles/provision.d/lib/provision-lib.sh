# SPDX-License-Identifier: Apache-2.0
# Shared by the provision scripts: phase lines that the cockpit follows, and a record of what was done, so that a second run is quick.
# Sourced under `set -euo pipefail`:  . "$(dirname "${BASH_SOURCE[0]}")/lib/provision-lib.sh"

_lib_log_proc() { printf '[PROC] %s\n' "$*"; }
_lib_log_info() { printf '[INFO] %s\n' "$*"; }
_lib_log_ok() { printf '[ OK ] %s\n' "$*"; }
_lib_log_warn() { printf '[WARN] %s\n' "$*" >&2; }
_lib_log_err() { printf '[ERR] %s\n' "$*" >&2; }

# Ends the script with a message.
_lib_die() {
    _lib_log_err "$*"
    exit 1
}

# _lib_need PROGRAM WHAT-TO-DO: ends the script when PROGRAM is not there.
_lib_need() {
    command -v "$1" >/dev/null 2>&1 || _lib_die "$1 is missing: $2"
}

_lib_state_dir="${XDG_STATE_HOME:-$HOME/.local/state}/muthr-provision"
_lib_state_file=''
_lib_state_want=''

# _lib_init_provision_state NAME REV ARGS...: ends the script with success when exactly this (revision and arguments) was finalized before,
# unless MUTHR_REPROVISION asks for it all the same.
_lib_init_provision_state() {
    local name="${1:?a name}" rev="${2:-}"
    shift
    [ "$#" -gt 0 ] && shift
    case "$name" in *[!A-Za-z0-9_-]*) _lib_die "a provision state cannot be named '$name'" ;; esac
    mkdir -p "$_lib_state_dir"
    _lib_state_file="$_lib_state_dir/$name"
    _lib_state_want="$(printf '%s\n' "$rev" "$@")"
    if [ -z "${MUTHR_REPROVISION:-}" ] && [ -n "$rev" ] && [ -f "$_lib_state_file" ] && [ "$(cat "$_lib_state_file")" = "$_lib_state_want" ]; then
        _lib_log_ok "$name is up to date"
        exit 0
    fi
}

# Records success: written whole, then renamed.
_lib_finalize_provision_state() {
    [ -n "$_lib_state_file" ] || _lib_die "_lib_finalize_provision_state without _lib_init_provision_state"
    printf '%s\n' "$_lib_state_want" >"$_lib_state_file.$$"
    mv -f "$_lib_state_file.$$" "$_lib_state_file"
}

# _lib_npm_install PACKAGE PROGRAM: a package from the npm registry into ~/.local, without touching anything of the system's.
_lib_npm_install() {
    local package="$1" program="$2"
    _lib_need node "install Node.js on this machine (Debian: apt install nodejs npm)"
    _lib_need npm "install npm on this machine (Debian: apt install npm)"
    _lib_log_proc "Installing $package..."
    npm install --global --prefix "$HOME/.local" --no-fund --no-audit --no-update-notifier --loglevel=http "$package" ||
        _lib_die "npm could not install $package: the lines above say why (is the network open? is the registry reachable?)"
    [ -x "$HOME/.local/bin/$program" ] || _lib_die "$package was installed, but $program is not in ~/.local/bin"
    _lib_log_ok "$program is installed"
}
