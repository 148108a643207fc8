/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/seatbelt/preflight.h"

#include <string.h>
#include <unistd.h>

#include "backends/process/capture.h"
#include "backends/process/host.h"
#include "backends/seatbelt/seatbelt.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"
#include "core/util/utf8.h"

#define TRY_MS 10000

static const char minimal[] = "(version 1)(deny default)(allow process-exec*)(allow process-fork)(allow file-read*)"
                              "(allow file-map-executable)(allow sysctl-read)";

/* Why there is nothing to confine with. */
static void say_missing(struct backend_probe *out)
{
#if defined(__APPLE__)
    str_copy(out->reason, sizeof(out->reason), "/usr/bin/sandbox-exec is not there");
    str_copy(out->fix, sizeof(out->fix), "it is a part of macOS: use the backend container or podman until it is back");
#else
    str_copy(out->reason, sizeof(out->reason), "seatbelt is macOS's way to confine programs: it is not here");
    str_copy(out->fix, sizeof(out->fix), "use bwrap or podman here");
#endif
}

/* What sandbox-exec said. */
static void say_failure(struct backend_probe *out, int code, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    utf8_sanitize(&clean, text, strcspn(text, "\n"), false);
    if (strstr(text, "Operation not permitted")) {
        str_format(out->reason, sizeof(out->reason),
                   "muthr-tui itself runs in a sandbox already, and macOS does not nest them (%s)", clean.buf);
        str_copy(out->fix, sizeof(out->fix), "start it from a terminal outside of that sandbox");
        return;
    }
    str_format(out->reason, sizeof(out->reason), "sandbox-exec does not work: %s",
               clean.len   ? clean.buf
               : code == 0 ? "it said nothing"
               : code < 0  ? "it did not answer in time"
                           : "it failed without a message");
    str_copy(out->fix, sizeof(out->fix), "try: sandbox-exec -p '(version 1)(allow default)' /usr/bin/true");
}

void preflight_seatbelt(struct backend_probe *out)
{
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    char text[1024];
    const char *exec = host_sandbox_exec();
    memset(out, 0, sizeof(*out));
    host_version(out->version, sizeof(out->version));
    if (!exec) {
        say_missing(out);
        return;
    }
    strvec_pushl(&argv, exec, "-p", minimal, "--", "/usr/bin/true", NULL);
    int code = capture_run(exec, argv.v, text, sizeof(text), TRY_MS);
    if (code != 0) {
        say_failure(out, code, text);
        return;
    }
    out->usable = true;
    out->caps = seatbelt_backend.caps;
    str_copy(out->limits, sizeof(out->limits), "memory by a watchdog, open files by rlimit; pids and cpus not at all");
    if (!host_confines()) {
        str_copy(out->warning, sizeof(out->warning),
                 "NOTHING CONFINES: a test's stand-in runs instead of sandbox-exec");
    } else if (geteuid() == 0) {
        str_copy(out->warning, sizeof(out->warning),
                 "running as root: only the profile stands between programs inside and the machine");
    } else {
        str_copy(out->warning, sizeof(out->warning),
                 "process sandboxes share the host's network and kernel: full means the outside without localhost, and "
                 "services on this machine's other addresses can be reached");
    }
}
