/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/curl_lib.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/util/compiler.h"

/* By soname: what the headers of libcurl 7.16 and later stand for. Debian has the second where only GnuTLS is wanted.
 * macOS looks for a name without a folder in the current one (dlopen(3)), which is a workspace that agents write to: by
 * path only, the system's own first. */
static const char *const names[] = {
#if defined(__APPLE__)
    "/usr/lib/libcurl.4.dylib",
    "/opt/homebrew/opt/curl/lib/libcurl.4.dylib",
    "/usr/local/opt/curl/lib/libcurl.4.dylib",
#else
    "libcurl.so.4",
    "libcurl-gnutls.so.4",
#endif
};

/* Opens the first of the names that exists; the loader's words about the first otherwise. */
static void *open_any(struct error *err)
{
    struct error first = {.code = ERROR_NONE};

    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        void *handle = dlopen(names[i], RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);

        if (handle != NULL) {
            return handle;
        }
        if (first.code == ERROR_NONE) {
            const char *why = dlerror();

            error_set(&first, ERROR_UNAVAILABLE, "no HTTP here: cannot load libcurl (%s)",
                      why != NULL ? why : names[i]);
        }
    }
    if (err != NULL) {
        *err = first;
    }
    return NULL;
}

/* Copies the address of a function into a function pointer: POSIX's way round ISO C, which has no cast for it. */
static int find(void *handle, const char *symbol, void *out, struct error *err)
{
    void *address = dlsym(handle, symbol);

    if (address == NULL) {
        return error_set(err, ERROR_UNAVAILABLE, "no HTTP here: this libcurl has no %s", symbol);
    }
    memcpy(out, &address, sizeof(address));
    return 0;
}

int curl_lib_load(struct curl_lib *lib, struct error *err)
{
    struct curl_lib got = {.handle = NULL};

    if (lib->handle != NULL) {
        return 0;
    }
    got.handle = open_any(err);
    if (got.handle == NULL) {
        return -1;
    }
#define CURL_LIB_FIND(name) || find(got.handle, "curl_" #name, &got.name, err) != 0
    if (false CURL_LIB_FUNCTIONS(CURL_LIB_FIND)) {
        dlclose(got.handle);
        return -1;
    }
#undef CURL_LIB_FIND
    if (got.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        dlclose(got.handle);
        return error_set(err, ERROR_UNAVAILABLE, "no HTTP here: libcurl cannot start");
    }
    *lib = got;
    return 0;
}

void curl_lib_release(struct curl_lib *lib)
{
    if (lib->handle == NULL) {
        return;
    }
    lib->global_cleanup();
    dlclose(lib->handle);
    *lib = (struct curl_lib){.handle = NULL};
}
