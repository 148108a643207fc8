/* SPDX-License-Identifier: Apache-2.0 */
/* What every version from 0.6 on understands. */
#include "tests/play/container/standin.h"

#define END                                                                                                            \
    {                                                                                                                  \
        NULL, 0, NULL, 0, 0, NULL                                                                                      \
    }
#define V(major, minor) VERSION_OF(major, minor, 0)

static const struct option_rule process_options[] = {{"-e/--env", 's', "env", 0, 0, NULL},
                                                     {"--env-file", 's', "env-file", 0, 0, NULL},
                                                     {"--gid", 'u', "gid", 0, 0, NULL},
                                                     {"-i/--interactive", 'f', NULL, 0, 0, NULL},
                                                     {"-t/--tty", 'f', NULL, 0, 0, NULL},
                                                     {"-u/--user", 's', "user", 0, 0, NULL},
                                                     {"--uid", 'u', "uid", 0, 0, NULL},
                                                     {"-w/--workdir/--cwd", 's', "dir", 0, 0, NULL},
                                                     {"--ulimit", 's', "limit", V(0, 9), 0, NULL},
                                                     END};
static const struct option_rule resource_options[] = {
    {"-c/--cpus", 'i', "cpus", 0, 0, NULL}, {"-m/--memory", 's', "memory", 0, 0, NULL}, END};
static const struct option_rule management_options[] = {
    {"-a/--arch", 's', "arch", 0, 0, NULL},        {"--cap-add", 's', "cap", V(0, 12), 0, NULL},
    {"--cap-drop", 's', "cap", V(0, 12), 0, NULL}, {"--cidfile", 's', "cidfile", 0, 0, NULL},
    {"-d/--detach", 'f', NULL, 0, 0, NULL},        {"--dns", 's', "ip", 0, 0, NULL},
    {"--dns-domain", 's', "domain", 0, 0, NULL},   {"--dns-option", 's', "option", 0, 0, NULL},
    {"--dns-search", 's', "domain", 0, 0, NULL},   {"--entrypoint", 's', "cmd", 0, 0, NULL},
    {"--init", 'f', NULL, V(0, 10), 0, NULL},      {"-k/--kernel", 's', "path", 0, 0, NULL},
    {"-l/--label", 's', "label", 0, 0, NULL},      {"--mount", 's', "mount", 0, 0, NULL},
    {"--name", 's', "name", 0, 0, NULL},           {"--network", 's', "network", 0, 0, NULL},
    {"--no-dns", 'f', NULL, 0, 0, NULL},           {"--os", 's', "os", 0, 0, NULL},
    {"-p/--publish", 's', "spec", 0, 0, NULL},     {"--platform", 's', "platform", 0, 0, NULL},
    {"--publish-socket", 's', "spec", 0, 0, NULL}, {"--read-only", 'f', NULL, V(0, 8), 0, NULL},
    {"--rm/--remove", 'f', NULL, 0, 0, NULL},      {"--rosetta", 'f', NULL, V(0, 8), 0, NULL},
    {"--shm-size", 's', "size", V(1, 0), 0, NULL}, {"--ssh", 'f', NULL, 0, 0, NULL},
    {"--tmpfs", 's', "tmpfs", 0, 0, NULL},         {"--virtualization", 'f', NULL, 0, 0, NULL},
    {"-v/--volume", 's', "volume", 0, 0, NULL},    END};
static const struct option_rule registry_options[] = {{"--scheme", 's', "scheme", 0, 0, "http|https|auto"}, END};
static const struct option_rule progress_options[] = {
    {"--disable-progress-updates", 'f', NULL, 0, V(0, 7), NULL},
    {"--progress", 's', "type", V(0, 7), V(0, 12), "none|ansi"},
    {"--progress", 's', "type", V(0, 12), 0, "auto|none|ansi|plain|color"},
    {"--max-concurrent-downloads", 'u', "max-concurrent-downloads", V(0, 8), 0, NULL},
    END};
static const struct option_rule platform_options[] = {{"-a/--arch", 's', "arch", 0, 0, NULL},
                                                      {"--os", 's', "os", 0, 0, NULL},
                                                      {"--platform", 's', "platform", 0, 0, NULL},
                                                      END};
static const struct option_rule format_options[] = {{"--format", 's', "format", 0, 0, "json|table"}, END};
static const struct option_rule list_options[] = {
    {"-a/--all", 'f', NULL, 0, 0, NULL}, {"-q/--quiet", 'f', NULL, 0, 0, NULL}, END};
static const struct option_rule quiet_options[] = {
    {"-q/--quiet", 'f', NULL, 0, 0, NULL}, {"-v/--verbose", 'f', NULL, 0, 0, NULL}, END};
static const struct option_rule start_options[] = {
    {"-a/--attach", 'f', NULL, 0, 0, NULL}, {"-i/--interactive", 'f', NULL, 0, 0, NULL}, END};
static const struct option_rule stop_options[] = {{"-a/--all", 'f', NULL, 0, 0, NULL},
                                                  {"-s/--signal", 's', "signal", 0, 0, NULL},
                                                  {"-t/--time", 'i', "time", 0, 0, NULL},
                                                  END};
static const struct option_rule kill_options[] = {
    {"-a/--all", 'f', NULL, 0, 0, NULL}, {"-s/--signal", 's', "signal", 0, 0, NULL}, END};
static const struct option_rule delete_options[] = {
    {"-a/--all", 'f', NULL, 0, 0, NULL}, {"-f/--force", 'f', NULL, 0, 0, NULL}, END};
static const struct option_rule all_options[] = {{"-a/--all", 'f', NULL, 0, 0, NULL}, END};
static const struct option_rule detach_options[] = {{"-d/--detach", 'f', NULL, 0, 0, NULL}, END};
static const struct option_rule logs_options[] = {
    {"--boot", 'f', NULL, 0, 0, NULL}, {"-f/--follow", 'f', NULL, 0, 0, NULL}, {"-n", 'i', "n", 0, 0, NULL}, END};
static const struct option_rule stats_options[] = {{"--no-stream", 'f', NULL, 0, 0, NULL}, END};
static const struct option_rule output_options[] = {{"-o/--output", 's', "output", 0, 0, NULL}, END};
static const struct option_rule build_options[] = {{"-a/--arch", 's', "value", 0, 0, NULL},
                                                   {"--build-arg", 's', "key=val", 0, 0, NULL},
                                                   {"-c/--cpus", 'i', "cpus", 0, 0, NULL},
                                                   {"-f/--file", 's', "path", 0, 0, NULL},
                                                   {"-l/--label", 's', "key=val", 0, 0, NULL},
                                                   {"-m/--memory", 's', "memory", 0, 0, NULL},
                                                   {"--no-cache", 'f', NULL, 0, 0, NULL},
                                                   {"-o/--output", 's', "value", 0, 0, NULL},
                                                   {"--os", 's', "value", 0, 0, NULL},
                                                   {"--platform", 's', "platform", 0, 0, NULL},
                                                   {"--progress", 's', "type", 0, 0, "auto|plain|tty"},
                                                   {"-q/--quiet", 'f', NULL, 0, 0, NULL},
                                                   {"-t/--tag", 's', "name", 0, 0, NULL},
                                                   {"--target", 's', "stage", 0, 0, NULL},
                                                   {"--vsock-port", 'u', "port", 0, 0, NULL},
                                                   {"--pull", 'f', NULL, V(0, 11), 0, NULL},
                                                   END};
static const struct option_rule network_options[] = {
    {"--label", 's', "label", 0, 0, NULL}, {"--subnet", 's', "subnet", V(0, 6), 0, NULL}, END};
static const struct option_rule status_options[] = {
    {"-p/--prefix", 's', "prefix", 0, 0, NULL}, {"--format", 's', "format", V(0, 10), 0, "json|table"}, END};
static const struct option_rule system_start_options[] = {{"-a/--app-root", 's', "app-root", 0, 0, NULL},
                                                          {"--install-root", 's', "install-root", 0, 0, NULL},
                                                          {"--log-root", 's', "log-root", V(0, 10), 0, NULL},
                                                          {"--enable-kernel-install", 'f', NULL, 0, 0, NULL},
                                                          {"--disable-kernel-install", 'f', NULL, 0, 0, NULL},
                                                          {"--timeout", 's', "timeout", V(0, 10), 0, NULL},
                                                          END};
static const struct option_rule prefix_options[] = {{"-p/--prefix", 's', "prefix", 0, 0, NULL}, END};

#define OPTIONS(...)                                                                                                   \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }
#define NO_OPTIONS                                                                                                     \
    {                                                                                                                  \
        NULL                                                                                                           \
    }
#define MAKE OPTIONS(process_options, resource_options, management_options, registry_options)
#define IDS "[<options>] [<container-ids> ...]"

const struct command commands[] = {
    {"create", "[<options>] <image> [<arguments> ...]", MAKE, "<image>", -1, true, 0, false, do_create},
    {"run", "[<options>] <image> [<arguments> ...]",
     OPTIONS(process_options, resource_options, management_options, registry_options, progress_options), "<image>", -1,
     true, 0, false, do_run},
    {"start", "[<options>] <container-id>", OPTIONS(start_options), "<container-id>", 1, false, 0, false, do_start},
    {"stop", IDS, OPTIONS(stop_options), NULL, -1, false, 0, false, do_stop},
    {"kill", IDS, OPTIONS(kill_options), NULL, -1, false, 0, false, do_kill},
    {"delete", IDS, OPTIONS(delete_options), NULL, -1, false, 0, false, do_delete},
    {"rm", IDS, OPTIONS(delete_options), NULL, -1, false, 0, false, do_delete},
    {"prune", "", NO_OPTIONS, NULL, 0, false, V(0, 9), false, do_prune},
    {"list", "[<options>]", OPTIONS(list_options, format_options), NULL, 0, false, 0, false, do_list},
    {"ls", "[<options>]", OPTIONS(list_options, format_options), NULL, 0, false, 0, false, do_list},
    {"inspect", "<container-ids> ...", NO_OPTIONS, "<container-ids>", -1, false, 0, false, do_inspect},
    {"exec", "[<options>] <container-id> <arguments> ...", OPTIONS(process_options, detach_options),
     "<container-id> <arguments>", -1, true, 0, false, do_exec},
    {"logs", "[<options>] <container-id>", OPTIONS(logs_options), "<container-id>", 1, false, 0, false, do_logs},
    {"stats", IDS, OPTIONS(stats_options, format_options), NULL, -1, false, V(0, 7), false, do_stats},
    {"copy", "<source> <destination>", NO_OPTIONS, "<source> <destination>", 2, false, V(1, 0), false, do_copy},
    {"cp", "<source> <destination>", NO_OPTIONS, "<source> <destination>", 2, false, V(1, 0), false, do_copy},
    {"export", "[<options>] <id>", OPTIONS(output_options), "<id>", 1, false, V(0, 10), false, do_export},
    {"image list", "[<options>]", OPTIONS(quiet_options, format_options), NULL, 0, false, 0, false, do_image_list},
    {"image ls", "[<options>]", OPTIONS(quiet_options, format_options), NULL, 0, false, 0, false, do_image_list},
    {"image inspect", "<images> ...", NO_OPTIONS, "<images>", -1, false, 0, false, do_image_inspect},
    {"image pull", "[<options>] <reference>", OPTIONS(registry_options, progress_options, platform_options),
     "<reference>", 1, false, 0, false, do_image_pull},
    {"image delete", "[<options>] [<images> ...]", OPTIONS(delete_options), NULL, -1, false, 0, false, do_image_delete},
    {"image rm", "[<options>] [<images> ...]", OPTIONS(delete_options), NULL, -1, false, 0, false, do_image_delete},
    {"image tag", "<source> <target>", NO_OPTIONS, "<source> <target>", 2, false, 0, false, do_image_tag},
    {"image save", "[<options>] <references> ...", OPTIONS(platform_options, output_options), "<references>", -1, false,
     0, false, do_image_save},
    {"build", "[<options>] [<context-dir>]", OPTIONS(build_options), NULL, 1, false, 0, false, do_build},
    {"builder status", "[<options>]", OPTIONS(format_options), NULL, 0, false, 0, false, do_builder_status},
    {"network list", "[<options>]", OPTIONS(quiet_options, format_options), NULL, 0, false, V(0, 2), false,
     do_network_list},
    {"network ls", "[<options>]", OPTIONS(quiet_options, format_options), NULL, 0, false, V(0, 2), false,
     do_network_list},
    {"network inspect", "<networks> ...", NO_OPTIONS, "<networks>", -1, false, V(0, 2), false, do_network_inspect},
    {"network create", "[<options>] <name>", OPTIONS(network_options), "<name>", 1, false, V(0, 2), false,
     do_network_create},
    {"network delete", "[<options>] [<network-names> ...]", OPTIONS(all_options), NULL, -1, false, V(0, 2), false,
     do_network_delete},
    {"network rm", "[<options>] [<network-names> ...]", OPTIONS(all_options), NULL, -1, false, V(0, 2), false,
     do_network_delete},
    {"volume list", "[<options>]", OPTIONS(quiet_options, format_options), NULL, 0, false, 0, false, do_volume_list},
    {"volume ls", "[<options>]", OPTIONS(quiet_options, format_options), NULL, 0, false, 0, false, do_volume_list},
    {"volume delete", "[<options>] [<names> ...]", OPTIONS(all_options), NULL, -1, false, 0, false, do_volume_delete},
    {"volume rm", "[<options>] [<names> ...]", OPTIONS(all_options), NULL, -1, false, 0, false, do_volume_delete},
    {"system status", "[<options>]", OPTIONS(status_options), NULL, 0, false, 0, true, do_system_status},
    {"system start", "[<options>]", OPTIONS(system_start_options), NULL, 0, false, 0, true, do_system_start},
    {"system stop", "[<options>]", OPTIONS(prefix_options), NULL, 0, false, 0, true, do_system_stop},
    {"system version", "[<options>]", OPTIONS(format_options), NULL, 0, false, V(0, 8), true, do_system_version},
    {"help", "[<subcommand>]", NO_OPTIONS, NULL, -1, false, 0, true, do_help},
};
const size_t command_count = MT_ARRAY_LEN(commands);
