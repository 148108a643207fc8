/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/bwrap/args.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

/* Overwrites in place: the file may be bound into a running sandbox, and a rename would leave that with the old one. */
static int write_file(const char *dir, const char *name, const char *text, size_t len, mode_t mode, struct error *err)
{
    char *path = path_join(dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    int rc = 0;
    if (fd < 0 || fchmod(fd, mode) < 0 || write(fd, text, len) != (ssize_t)len) {
        rc = error_sys(err, errno, "%s", path);
    }
    if (fd >= 0 && close(fd) < 0 && rc == 0) {
        rc = error_sys(err, errno, "%s", path);
    }
    free(path);
    return rc;
}

/* The host's search list and options go with any nameserver. */
static void add_host_resolv(struct strbuf *out, bool with_servers)
{
    MT_CLEANUP(strbuf) struct strbuf host = STRBUF_INIT;
    if (fs_read("/etc/resolv.conf", 65536, &host, NULL) < 0) {
        return;
    }
    for (char *line = host.buf; line && *line;) {
        char *end = strchr(line, '\n');
        size_t len = end ? (size_t)(end - line) : strlen(line);
        bool keep = strncmp(line, "search", 6) == 0 || strncmp(line, "domain", 6) == 0 ||
                    strncmp(line, "options", 7) == 0 || (with_servers && strncmp(line, "nameserver", 10) == 0);
        if (keep) {
            strbuf_addf(out, "%.*s\n", (int)len, line);
        }
        line = end ? end + 1 : NULL;
    }
}

int files_write_resolv(const char *dir, const char *nameserver, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char *etc = path_join(dir, "etc");
    if (nameserver && strcmp(nameserver, "host") == 0) {
        add_host_resolv(&text, true);
    } else if (nameserver) {
        strbuf_addf(&text, "nameserver %s\n", nameserver);
        add_host_resolv(&text, false);
    } else {
        strbuf_addstr(&text, "# this sandbox has no network\n");
    }
    int rc = write_file(etc, "resolv.conf", text.buf, text.len, 0644, err);
    free(etc);
    return rc;
}

int files_write_etc(const char *dir, unsigned uid, unsigned gid, const char *nameserver, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf passwd = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf group = STRBUF_INIT;
    static const char hosts[] = "127.0.0.1 localhost muthr-box host.muthr\n::1 localhost ip6-localhost ip6-loopback\n";
    static const char hostname[] = "muthr-box\n";
    static const char nsswitch[] = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n"
                                   "protocols: files\nservices: files\nethers: files\nrpc: files\n";
    strbuf_addf(&passwd,
                "root:x:0:0:root:/root:/usr/sbin/nologin\n%s:x:%u:%u:%s:%s:/bin/bash\n"
                "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
                ARGS_USER, uid, gid, ARGS_USER, ARGS_HOME);
    strbuf_addf(&group, "root:x:0:\n%s:x:%u:\nnogroup:x:65534:\n", ARGS_USER, gid);
    char *etc = path_join(dir, "etc");
    int rc = fs_mkdirs(etc, 0755, err);
    rc = rc ? rc : write_file(etc, "passwd", passwd.buf, passwd.len, 0644, err);
    rc = rc ? rc : write_file(etc, "group", group.buf, group.len, 0644, err);
    rc = rc ? rc : write_file(etc, "hosts", hosts, sizeof(hosts) - 1, 0644, err);
    rc = rc ? rc : write_file(etc, "hostname", hostname, sizeof(hostname) - 1, 0644, err);
    rc = rc ? rc : write_file(etc, "nsswitch.conf", nsswitch, sizeof(nsswitch) - 1, 0644, err);
    rc = rc ? rc : files_write_resolv(dir, nameserver, err);
    free(etc);
    return rc;
}

char *files_ca_bundle(void)
{
    const char *const candidates[] = {
        getenv("SSL_CERT_FILE"),
        getenv("NODE_EXTRA_CA_CERTS"),
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(candidates); i++) {
        if (candidates[i] && candidates[i][0] == '/' && access(candidates[i], R_OK) == 0) {
            return xstrdup(candidates[i]);
        }
    }
    return NULL;
}
