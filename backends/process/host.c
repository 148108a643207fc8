/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/host.h"

#include "core/io/procinfo.h"

void host_boot_id(char out[40])
{
    procinfo_boot(out);
}

bool host_process_has_env(int pid, const char *pair)
{
    return procinfo_has_env(pid, pair);
}
