/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/classify.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"

/* Texts that stand in stderr of podman calls that worked. */
static const char *const noise[] = {
    "failed to connect to syslog",
    "is not a shared mount",
    "unable to get systemd connection to add healthchecks",
    "The cgroupv2 manager is set to systemd but there is no systemd user session",
    "For using systemd, you may need to log in using a user session",
    "Falling back to --cgroup-manager=cgroupfs",
    "Resource limits are not supported and ignored on cgroups V1 rootless systems",
    "StopSignal SIGTERM failed to stop container",
    "Port mappings have been discarded",
    "level=warning",
};

bool podman_is_noise(const char *line)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(noise); i++) {
        if (strstr(line, noise[i])) {
            return true;
        }
    }
    return false;
}

/* podman reads this of a process that it has just begun, and that may be gone by then (seen with 4.3):
 * "read /proc/4242/cgroup: no such process". */
#define RACE "/cgroup: no such process"

bool podman_is_race(const char *text)
{
    return strstr(text, RACE) != NULL;
}

/* What a text means. The first that is found counts: specific ones before general ones. */
static const struct {
    const char *text;
    enum error_code code;
    const char *hint;
} meanings[] = {
    {"no subuid ranges found", ERROR_UNAVAILABLE,
     "give the user a range: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER; then podman "
     "system migrate"},
    {"keep-id requires additional UIDs", ERROR_UNAVAILABLE,
     "give the user a range: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER; then podman "
     "system migrate"},
    {"command required for rootless mode with multiple IDs", ERROR_UNAVAILABLE,
     "install newuidmap: apt-get install uidmap, dnf install shadow-utils, pacman -S shadow"},
    {"keep-id is only supported in rootless mode", ERROR_INVALID, NULL},
    {"container-init binary not found", ERROR_UNAVAILABLE,
     "install catatonit: apt-get install catatonit, dnf install catatonit, pacman -S catatonit"},
    {"cgroups in hybrid mode not supported", ERROR_UNAVAILABLE,
     "use runc here: apt-get install runc, and runtime = \"runc\" under [engine] in containers.conf"},
    {"default OCI runtime", ERROR_UNAVAILABLE, "install an OCI runtime: apt-get install crun, dnf install crun"},
    {"the requested cgroup controller", ERROR_UNAVAILABLE,
     "let the user's limits be delegated: Delegate=yes in user@.service.d/delegate.conf; then log in again"},
    {"applying cgroup configuration", ERROR_UNAVAILABLE,
     "let the user's limits be delegated: Delegate=yes in user@.service.d/delegate.conf; then log in again"},
    {"unable to set memory limit", ERROR_INVALID, "give the sandbox more memory"},
    {"unknown capability", ERROR_INVALID, NULL},
    {"error setting rlimit", ERROR_DENIED, "lower default_ulimits in containers.conf"},
    {"volume already exists", ERROR_EXISTS, NULL},
    {"that name is already in use", ERROR_EXISTS, "delete the container of that name, or rename the project folder"},
    {"is already in use by", ERROR_EXISTS, "delete the container of that name, or rename the project folder"},
    {"address already in use", ERROR_BUSY, "choose another host port in the manifest, or end what listens on it"},
    {"port is already allocated", ERROR_BUSY, "choose another host port in the manifest, or end what listens on it"},
    {"proxy already running", ERROR_BUSY, "choose another host port in the manifest, or end what listens on it"},
    {"cannot assign requested address", ERROR_INVALID, "that address is not one of this machine's"},
    {"cannot expose privileged port", ERROR_DENIED, "choose a host port of 1024 or more"},
    {"port numbers must be between", ERROR_INVALID, "ports are between 1 and 65535"},
    {"names must match", ERROR_INVALID, NULL},
    {"image is in use by a container", ERROR_BUSY, NULL},
    {"image not known", ERROR_NOT_FOUND, "pull or build the image first: podman pull IMAGE"},
    {"no such image", ERROR_NOT_FOUND, "pull or build the image first: podman pull IMAGE"},
    {"unable to find network", ERROR_NOT_FOUND, NULL},
    {"network not found", ERROR_NOT_FOUND, NULL},
    {"volume is being used", ERROR_BUSY, NULL},
    {"no such volume", ERROR_NOT_FOUND, NULL},
    {"no such container", ERROR_NOT_FOUND, NULL},
    {"no container with name or ID", ERROR_NOT_FOUND, NULL},
    {"no such object", ERROR_NOT_FOUND, NULL},
    {"container has already been removed", ERROR_NOT_FOUND, NULL},
    {"can only create exec sessions on running containers", ERROR_UNAVAILABLE, "start the sandbox first"},
    {"cannot create exec session as container", ERROR_UNAVAILABLE, "the sandbox is paused: podman unpause it"},
    {"unable to find user", ERROR_NOT_FOUND, "the image has no such user"},
    {"must be in Created or Stopped state", ERROR_BUSY, "stop the sandbox again"},
    {"must be in Created or Stopped", ERROR_BUSY, "stop the sandbox again"},
    {"cannot be removed without force", ERROR_BUSY, "stop the sandbox first"},
    {"executable file not found in $PATH", ERROR_NOT_FOUND, "the image has no such program"},
    {"executable file `", ERROR_NOT_FOUND, "the image has no such program"},
    {"does not exist on container", ERROR_NOT_FOUND, NULL},
    {"outside of container mount namespace root", ERROR_UNAVAILABLE,
     "the project folder was replaced: stop the sandbox and start it again"},
    {"chdir to cwd", ERROR_NOT_FOUND, NULL},
    {"statfs ", ERROR_NOT_FOUND, "a mounted folder is gone"},
    {"unrecognized command", ERROR_UNAVAILABLE, "podman is too old: 3.4 or newer is needed"},
    {"unknown flag", ERROR_UNAVAILABLE, "podman is too old for that"},
    {"unknown shorthand flag", ERROR_UNAVAILABLE, "podman is too old for that"},
    {"Cannot connect to Podman", ERROR_UNAVAILABLE, "start the service there: systemctl --user start podman.socket"},
    {"connection refused", ERROR_UNAVAILABLE, "start the service there: systemctl --user start podman.socket"},
    {"unable to connect to Podman socket", ERROR_UNAVAILABLE,
     "start the service there: systemctl --user start podman.socket"},
    {"Connection refused", ERROR_UNAVAILABLE, "start the service there: systemctl --user start podman.socket"},
    {"database configuration mismatch", ERROR_UNAVAILABLE,
     "podman's storage was made with other settings: see podman system reset --help before you use it"},
    {"no space left on device", ERROR_SYS, "free some space: podman system df tells what images take"},
    {"mounting storage for container", ERROR_UNAVAILABLE,
     "its storage is damaged, as by a full disk: `muthr-tui start --recreate` makes it again; project and home stay"},
    {"layer not known", ERROR_UNAVAILABLE, "podman's storage is damaged: podman system reset removes all of it"},
    {"readlink ", ERROR_UNAVAILABLE, "podman's storage is damaged: podman system reset removes all of it"},
    {"open /dev/net/tun", ERROR_DENIED, "let the user open /dev/net/tun (mode 0666), or use the network none"},
    {"slirp4netns", ERROR_UNAVAILABLE, "install it: apt-get install slirp4netns, dnf install slirp4netns"},
    {"could not find pasta", ERROR_UNAVAILABLE, "install it: apt-get install passt, dnf install passt"},
    {RACE, ERROR_UNAVAILABLE, "it ended while podman looked at it: start it again"},
    {"lock is held", ERROR_BUSY, NULL},
    {"container state improper", ERROR_BUSY, NULL},
    {"permission denied", ERROR_DENIED, NULL},
    {"operation not permitted", ERROR_DENIED, NULL},
};

/* The reason of one line: behind "Error: " and the wrappers that repeat what is known. */
static const char *strip(const char *line)
{
    static const char *const prefixes[] = {"Error: ", "error: "};
    const char *colon;
    for (size_t i = 0; i < MT_ARRAY_LEN(prefixes); i++) {
        if (strncmp(line, prefixes[i], strlen(prefixes[i])) == 0) {
            line += strlen(prefixes[i]);
        }
    }
    /* "unable to start container <64 hex>: why", "OCI runtime error: runc create failed: why": from behind the id on.
     */
    if ((strncmp(line, "unable to start container ", 26) == 0 || strncmp(line, "cannot remove container ", 24) == 0) &&
        (colon = strstr(line, ": ")) != NULL) {
        line = colon + 2;
    }
    return line;
}

/* The line that says why: the last that begins with "Error", else the last one that is no noise. */
static void pick_line(const char *text, struct strbuf *out)
{
    bool have_error = false;
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\r\n");
        struct strbuf one = STRBUF_INIT;
        strbuf_add(&one, line, n);
        bool is_error = strncmp(one.buf, "Error", 5) == 0;
        if (n > 0 && !podman_is_noise(one.buf) && (is_error || !have_error)) {
            strbuf_clear(out);
            strbuf_addstr(out, one.buf);
            have_error = have_error || is_error;
        }
        strbuf_release(&one);
        line += n;
        line += strspn(line, "\r\n");
    }
}

int podman_classify(int exit_code, const char *stderr_text, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    enum error_code code = ERROR_EXIT;
    const char *hint = NULL;
    pick_line(stderr_text ? stderr_text : "", &line);
    const char *why = strip(line.buf);
    for (size_t i = 0; i < MT_ARRAY_LEN(meanings); i++) {
        if (strstr(line.buf, meanings[i].text)) {
            code = meanings[i].code;
            hint = meanings[i].hint;
            break;
        }
    }
    utf8_sanitize(&clean, why, strlen(why), false);
    if (clean.len == 0) {
        error_set(err, ERROR_EXIT, "podman: exit %d without a word", exit_code);
    } else {
        error_hint(err, code, hint, "podman: %s", clean.buf);
    }
    if (err) {
        err->sys = code == ERROR_EXIT ? exit_code : 0;
    }
    return -1;
}

/* The digits behind the last colon before `end`. */
static uint16_t port_before(const char *from, const char *end)
{
    const char *p = end;
    unsigned long port;
    while (p > from && p[-1] >= '0' && p[-1] <= '9') {
        p--;
    }
    port = p < end && p > from && p[-1] == ':' ? strtoul(p, NULL, 10) : 0;
    return port <= 65535 ? (uint16_t)port : 0;
}

bool podman_port_error(const char *text, uint16_t *port, bool *udp)
{
    static const char *const about[] = {": bind: address already in use", ": bind: cannot assign requested address",
                                        ": bind: permission denied"};
    *port = 0;
    *udp = false;
    for (size_t i = 0; i < MT_ARRAY_LEN(about); i++) {
        const char *end = strstr(text, about[i]);
        if (end) {
            const char *from = end;
            while (from > text && from[-1] != '\n' && strncmp(from, "listen ", 7) != 0) {
                from--;
            }
            *udp = strncmp(from, "listen udp", 10) == 0;
            *port = port_before(from, end);
            return true;
        }
    }
    /* rootlessport, docker's words, and what names no port: 'rootlessport cannot expose privileged port 80, ...' */
    const char *privileged = strstr(text, "cannot expose privileged port ");
    if (privileged) {
        unsigned long n = strtoul(privileged + 30, NULL, 10);
        *port = n <= 65535 ? (uint16_t)n : 0;
        return true;
    }
    return strstr(text, "address already in use") || strstr(text, "port is already allocated") ||
           strstr(text, "proxy already running");
}
