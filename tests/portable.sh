#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/portable.sh: what only one system has, only where that system is meant. C: the calls and headers of Linux or of macOS stand
# in a file that is named after it (x_linux.c, x_darwin.c), in bubblewrap's folder, or below an #if that asks for it. Makefile: GNU
# make 3.81, which macOS has. Scripts: sh and the options that the tools of both have. (make check-macos compiles for the other one.)
set -u
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C

# Those of bubblewrap, and tests that run only in its sandboxes: the Makefile leaves the same ones out.
of_linux=" $(grep -l -e bwrap_fixture -e backends/bwrap/ -e backends/seccomp tests/*/*.c | tr '\n' ' ') "
sources=$(for f in core/*/*.[ch] term/*.[ch] tui/*.[ch] tui/*/*.[ch] backends/*.[ch] backends/*/*.[ch] tests/*/*.[ch]; do
    case $f in
    *_linux.[ch] | *_darwin.[ch] | backends/bwrap/* | backends/seccomp.[ch] | tests/play/*) continue ;;
    esac
    case $of_linux in *" $f "*) continue ;; esac
    echo "$f"
done)

# shellcheck disable=SC2086
awk '
BEGIN {
    linux_headers = "^#include <(linux/.*|sys/(epoll|eventfd|inotify|signalfd|timerfd|prctl|sysmacros|sendfile|vfs|personality|fanotify|auxv|random|syscall|capability)\\.h|pty\\.h|seccomp\\.h|malloc\\.h|utmp\\.h|endian\\.h|byteswap\\.h|error\\.h|features\\.h)>"
    linux_calls = "(pipe2|accept4|epoll_[a-z0-9]+|signalfd|inotify_[a-z0-9]+|eventfd|timerfd_[a-z]+|memfd_create|prctl|ppoll|renameat2|posix_fallocate|fallocate|qsort_r|getrandom|strchrnul|memrchr|mempcpy|rawmemchr|ptsname_r|close_range|sched_(set|get)[a-z]+|unshare|setns|execvpe|fexecve|dup3|secure_getenv|get_current_dir_name|canonicalize_file_name|euidaccess|splice|copy_file_range|statx|sigtimedwait|sigwaitinfo|setres[ug]id|getres[ug]id|explicit_bzero|strverscmp|posix_openpt2|umount2|pivot_root|syncfs|versionsort|mremap) ?\\("
    linux_names = "(SOCK_CLOEXEC|SOCK_NONBLOCK|SOCK_SEQPACKET|O_PATH|O_TMPFILE|SO_PEERCRED|SO_DOMAIN|SCM_CREDENTIALS|st_[amc]tim|TIOCGPTPEER|TIOCGPTN|CLOCK_BOOTTIME|CLOCK_[A-Z]*_COARSE|F_SETPIPE_SZ|F_GETPIPE_SZ|F_OFD_[A-Z]+|F_ADD_SEALS|AT_EMPTY_PATH|SIGRTMIN|SIGPWR|POLLRDHUP|program_invocation_[a-z]*name|MS_(BIND|REC|PRIVATE|RDONLY)|CLONE_NEW[A-Z]+|PR_SET_[A-Z_]+|SYS_[a-z0-9_]+|struct ucred)"
    darwin_headers = "^#include <(libproc\\.h|mach.*|sys/(event|clonefile|proc_info|sysctl|kauth)\\.h|util\\.h|copyfile\\.h|crt_externs\\.h|sandbox\\.h)>"
    darwin_calls = "(proc_pid[a-z]+|proc_list[a-z]+|proc_name|kqueue|kevent|_NSGetExecutablePath|sysctl|sysctlbyname|clonefile|getpeereid|mach_[a-z_]+|devname|fcopyfile) ?\\("
    darwin_names = "(st_[amc]timespec|NOTE_EXIT|EVFILT_[A-Z]+|PROC_PID[A-Z]+|F_FULLFSYNC|F_BARRIERFSYNC)"
    edge = "(^|[^A-Za-z0-9_.>\"])"
}
function bad(what) { printf "%s:%d: only %s has this: %s\n", FILENAME, FNR, what, $0; count++ }
# Which system does a condition ask for? Of "!" the other one, of two with && the first. "F_X" asks for who has it.
function asks(line) {
    if (line ~ /!defined\(__linux__\)|!defined\(__APPLE__\)/) return line ~ /__linux__/ ? "other" : "linux"
    if (line ~ /__linux__|defined\(SYS_/) return "linux"
    if (line ~ /__APPLE__|defined\(F_(BARRIER|FULL)FSYNC\)|defined\(SO_NOSIGPIPE\)/) return "darwin"
    if (line ~ /^# *if(n?def| !?defined)/) return "name"
    return ""
}
FNR == 1 { depth = 0; split("", sys); split("", other) }
/^# *if/ { sys[++depth] = asks($0); next }
/^# *elif/ { sys[depth] = asks($0); next }
/^# *else/ {
    sys[depth] = sys[depth] == "linux" ? "other" : sys[depth] == "darwin" || sys[depth] == "other" ? "linux" : sys[depth]
    next
}
/^# *endif/ { depth--; next }
{
    on_linux = on_darwin = named = 0
    for (i = 1; i <= depth; i++) {
        on_linux = on_linux || sys[i] == "linux"
        on_darwin = on_darwin || sys[i] == "darwin" || sys[i] == "other"
        named = named || sys[i] == "name"
    }
    text = $0
    if (!sub(/^ *(\/\*| \*).*/, "", text)) sub(/\/\*.*/, "", text)
    if (text !~ /^#include/) gsub(/"([^"\\]|\\.)*"/, "\"\"", text)
    if (!on_linux && !named && (text ~ linux_headers || text ~ edge linux_calls || text ~ edge linux_names "($|[^A-Za-z0-9_])" || text ~ "\\.st_[amc]tim($|[^a-z_e])"))
        bad("Linux")
    if (!on_darwin && !named && (text ~ darwin_headers || text ~ edge darwin_calls || text ~ edge darwin_names "($|[^A-Za-z0-9_])")) bad("macOS")
}
END {
    printf "portable: %d lines for one system where another compiles them\n", count
    exit count > 0
}' $sources
rc=$?

# found WHAT PATTERN FILE...: prints what matches outside comments.
found() {
    what=$1 pattern=$2
    shift 2
    grep -nE -e "$pattern" /dev/null "$@" | grep -vE '^[^:]*:[0-9]+: *#' | sed "s/^/$what: /"
}
scripts=$(ls .ci/* tests/*.sh tests/*/*.sh | while read -r f; do
    case $f in tests/portable.sh) continue ;; esac
    head -n 1 "$f" | grep -q '^#!/bin/sh' && echo "$f"
done)
wrong=$(
    # shellcheck disable=SC2016
    found 'newer than GNU make 3.81' '\$\((file|guile|intcmp|let) |^[A-Za-z_]+ *(!=|::=|:::=)|^\.(ONESHELL|RECIPEPREFIX|EXTRA_PREREQS|NOTINTERMEDIATE)|\.SHELLSTATUS|&: |^(undefine|private) |: private ' Makefile
    # shellcheck disable=SC2016,SC2086
    found 'an option or a tool of GNU' '(^|[|;&(] *|\$\()(sed -[a-zA-Z]*i|sed [^|]*--|readlink -[a-z]*[fe]|date (-d|--)|stat (-c|--)|mktemp --|mktemp$|xargs -(r|-[a-z])|grep [^|]*(-[a-zA-Z]*P |--)|cp (-[a-zA-Z]*[rd] |--)|sort [^|]*(-V|--)|nproc|setsid|tac|sha256sum|md5sum|realpath|truncate|head -[cn] -|wc --|ln [^|]*(-r|--)|install [^|]*(-D|-t )|touch -d|base64 -w|tar [^|]*--|du -b|find [^|]*-(printf|regextype|executable)|ps -[a-z]*[^ ]* --|echo -[en]|tail --)' $scripts
    # shellcheck disable=SC2016,SC2086
    found 'of bash' '(^|[ ;])(\[\[ |declare |mapfile|readarray|function [a-z_]+ *\{|local |source |select )|\$\{[A-Za-z_]+(\^|,|//|:[0-9])|&>|<\(|<<<|[= (]\$'"'[^ ]*[a-z\\]" $scripts
)
if [ -n "$wrong" ]; then
    printf '%s\n' "$wrong"
    rc=1
fi
# shellcheck disable=SC2086
echo "portable: $(echo $scripts | wc -w | tr -d ' ') scripts and the Makefile, $(printf '%s' "$wrong" | grep -c .) lines that only one system understands"
exit $rc
