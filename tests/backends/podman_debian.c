/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/podman_debian.h"

#include <stdio.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/podman_rig.h"

#define BUILD_MS 400000

static char mirror[512], suite[64], reason[1024];

/* The certificates that this machine trusts: a mirror or a package registry may be reached through something that only
 * they know. They go in beside the image's own, for node, which reads only what it is told. */
#define CA_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

/* $1 work folder, $2 suite, $3 mirror, $4 archive, $5 image. Part of the archive's name: changing it makes a new one.
 */
static const char RECIPE[] =
    "set -e; root=$1/deb\n"
    "DPKG_FORCE=unsafe-io debootstrap --variant=minbase \"$2\" \"$root\" \"$3\" >\"$1/debootstrap.log\" 2>&1 || {\n"
    "  tail -n 20 \"$1/debootstrap.log\" >&2; exit 1; }\n"
    "rm -rf \"$root\"/var/cache/apt/archives/*.deb\n"
    /* As the published images have it: no fsync after every file, no manuals. */
    "echo force-unsafe-io >\"$root/etc/dpkg/dpkg.cfg.d/muthr-test\"\n"
    "echo path-exclude=/usr/share/doc/* >>\"$root/etc/dpkg/dpkg.cfg.d/muthr-test\"\n"
    "echo path-exclude=/usr/share/man/* >>\"$root/etc/dpkg/dpkg.cfg.d/muthr-test\"\n"
    /* Debian's own npm is three hundred packages, a minute's work: the registry's is one. apt brings all the rest. */
    "npm=\"$root/usr/local/lib/node_modules/npm\"\n"
    "if npm pack --silent --pack-destination \"$1\" npm@10 >/dev/null 2>&1; then\n"
    "  mkdir -p \"$npm\" \"$root/usr/local/bin\"; tar -C \"$npm\" --strip-components=1 -xzf \"$1\"/npm-10*.tgz\n"
    "  chmod 755 \"$npm/bin/npm-cli.js\"; ln -s ../lib/node_modules/npm/bin/npm-cli.js \"$root/usr/local/bin/npm\"\n"
    "fi\n"
    "mkdir -p \"$root/usr/local/share/muthr-test\"\n"
    "[ ! -e " CA_BUNDLE " ] || cp -L " CA_BUNDLE " \"$root/usr/local/share/muthr-test/ca.crt\"\n"
    "tar -C \"$root\" -c . | podman import -q --change 'CMD [\"/bin/bash\"]' \\\n"
    "  --change 'ENV NODE_EXTRA_CA_CERTS=/usr/local/share/muthr-test/ca.crt' - \"$5\"\n"
    "rm -rf \"$root\"; mkdir -p \"$(dirname \"$4\")\"\n"
    "podman save -q -o \"$4.$$\" \"$5\"; mv \"$4.$$\" \"$4\"\n";

/* What apt fetches its main packages from. */
static bool find_mirror(void)
{
    char line[1024], component[64];
    FILE *f = popen(
        "apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null", "r");
    bool found = false;
    while (f && !found && fgets(line, sizeof(line), f)) {
        found = sscanf(line, "%511s %63s %63s", mirror, suite, component) == 3 && strcmp(component, "main") == 0 &&
                !strchr(suite, '-');
    }
    if (f) {
        pclose(f);
    }
    for (size_t n = strlen(mirror); n > 0 && mirror[n - 1] == '/'; n--) { /* some mirrors refuse "//" */
        mirror[n - 1] = '\0';
    }
    return found;
}

const char *pod_debian_why_not(void)
{
    struct pod_ran r = POD_RAN_INIT;
    const char *why = NULL;
    if (pod_run_argv(&r, (const char *const[]){"debootstrap", "--version", NULL}, 10000) != 0) {
        why = "debootstrap is not installed";
    } else if (!find_mirror()) {
        why = "apt has no mirror of a distribution here";
    } else {
        char *url = xasprintf("%s/dists/%s/InRelease", mirror, suite), *to = path_join(pod.base, "InRelease");
        if (pod_run_argv(&r, (const char *const[]){"/usr/lib/apt/apt-helper", "download-file", url, to, NULL}, 60000) !=
            0) {
            str_format(reason, sizeof(reason), "the mirror of apt does not answer: %.700s", r.err.buf);
            why = reason;
        }
        unlink(to);
        free(url);
        free(to);
    }
    pod_ran_release(&r);
    return why;
}

/* <build folder>/cache/debian-<hash>.tar; the program is <build folder>/MODE/muthr-tui. */
static char *archive_path(void)
{
    MT_CLEANUP(strbuf) struct strbuf all = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf certificates = STRBUF_INIT;
    char hex[HASH_HEX_LEN + 1], build[sizeof(pod.program)];
    fs_read(CA_BUNDLE, 4u << 20, &certificates, NULL);
    strbuf_addf(&all, "%s\n%s\n%s\n", RECIPE, mirror, suite);
    strbuf_add(&all, certificates.buf, certificates.len);
    hash_sha256_hex(all.buf, all.len, hex);
    str_copy(build, sizeof(build), pod.program);
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(build, '/');
        if (slash) {
            *slash = '\0';
        }
    }
    return xasprintf("%s/cache/debian-%.16s.tar", build, hex);
}

int pod_debian(void)
{
    struct pod_ran r = POD_RAN_INIT;
    char *archive = archive_path();
    uint64_t start = clock_mono_ms();
    bool cached = fs_exists(archive);
    if (cached && pod_run_argv(&r, (const char *const[]){"podman", "load", "-q", "-i", archive, NULL}, BUILD_MS) != 0) {
        fprintf(stderr, "the cached image is broken, made again: %s\n", r.err.buf);
        unlink(archive);
        cached = false;
    }
    if (!cached) {
        const char *const argv[] = {"env",    "-u",  "DPKG_ADMINDIR", "sh",    "-c",       RECIPE, "debian",
                                    pod.base, suite, mirror,          archive, POD_DEBIAN, NULL};
        pod_run_argv(&r, argv, BUILD_MS);
    }
    if (r.code != 0) {
        fprintf(stderr, "cannot make the Debian image (%d): %s\n", r.code, r.err.buf);
    } else {
        fprintf(stderr, "the Debian image %s in %.1f s\n", cached ? "came from the cache" : "was made",
                (double)(clock_mono_ms() - start) / 1000);
    }
    int rc = r.code == 0 ? 0 : -1;
    free(archive);
    pod_ran_release(&r);
    return rc;
}
