/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_FILES_H
#define MT_BACKENDS_BWRAP_FILES_H

/* The generated files of a sandbox: its small /etc, the private home's first content, the emptied tmp. Blocks. */

#include "core/engine/backend.h"
#include "core/util/error.h"
#include "core/util/strbuf.h"

/* Makes etc/ below dir: users, hosts, name service. nameserver: address for resolv.conf, NULL = no name service, "host"
 * = the host's. */
int files_write_etc(const char *dir, unsigned uid, unsigned gid, const char *nameserver, struct error *err);
/* Rewrites resolv.conf in place, so that a running sandbox sees it. */
int files_write_resolv(const char *dir, const char *nameserver, struct error *err);
/* The certificate bundle that programs inside should trust: the environment's (SSL_CERT_FILE, NODE_EXTRA_CA_CERTS) or
 * the distribution's. NULL when there is none. The caller frees. */
char *files_ca_bundle(void);

#endif
