/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/page.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)
#if !defined(MFD_NOEXEC_SEAL)
#define MFD_NOEXEC_SEAL 8U /* Linux 6.3; the only kind there is where the sysctl vm.memfd_noexec is 2 */
#endif

static int make_file(void)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create("muthr-tui", flags | MFD_NOEXEC_SEAL);

    return fd < 0 && errno == EINVAL ? memfd_create("muthr-tui", flags) : fd;
}

void *page_new(size_t size, int *fd)
{
    void *page = NULL;

    *fd = make_file();
    if (*fd < 0) {
        return NULL;
    }
    if (ftruncate(*fd, (off_t)size) == 0 && fcntl(*fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) == 0) {
        page = page_map(*fd, size);
    }
    if (page == NULL) {
        int saved = errno;

        close(*fd);
        *fd = -1;
        errno = saved;
    }
    return page;
}

void *page_map(int fd, size_t size)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    void *page;

    if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) != 0 || st.st_size != (off_t)size) {
        errno = EINVAL;
        return NULL;
    }
    page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return page == MAP_FAILED ? NULL : page;
}

#else

void *page_new(size_t size, int *fd)
{
    (void)size;
    *fd = -1;
    errno = ENOSYS;
    return NULL;
}

void *page_map(int fd, size_t size)
{
    (void)fd;
    (void)size;
    errno = ENOSYS;
    return NULL;
}

#endif

void page_unmap(void *page, size_t size)
{
    if (page != NULL) {
        munmap(page, size);
    }
}
