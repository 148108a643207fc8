/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BACKENDS_PODMAN_DEBIAN_H
#define MT_TESTS_BACKENDS_PODMAN_DEBIAN_H

/* A real minimal Debian (or Ubuntu) as an image of a private podman world, made without any image registry: debootstrap
 * from the package mirror that this machine's own apt uses. Made once (half a minute), then kept as an archive in
 * <build folder>/cache under a hash of the recipe, the mirror, the suite and the machine's certificates. */

#define POD_DEBIAN "localhost/muthr-deb:latest"

/* Why such an image cannot be had here (no debootstrap, no apt, its mirror does not answer), or NULL. */
const char *pod_debian_why_not(void);
/* Makes POD_DEBIAN in the open world. Returns 0, or -1 with the reason on stderr. */
int pod_debian(void);

#endif
