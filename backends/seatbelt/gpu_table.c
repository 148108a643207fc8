/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/seatbelt/gpu_table.h"

#include <stddef.h>

/* What Metal needs, per tier and operation: found on macOS 26 and in the profiles that Apple ships with the system.
 * Names only; profile.c makes the rules. */

static const char *const mps_only_iokit_open_iokit_user_client_class[] = {
    "AGXDeviceUserClient", "AGXSharedUserClient",      "IOSurfaceRootUserClient", "IOAccelDevice2",
    "IOAccelContext2",     "IOAccelSharedUserClient2", "RootDomainUserClient",    NULL};
static const char *const mps_only_iokit_open_service_iokit_user_client_class[] = {"IOSurfaceRoot", NULL};
static const char *const mps_only_iokit_open_service_iokit_registry_entry_class_prefix[] = {"AGXAcceleratorG", NULL};
static const char *const mps_only_iokit_open_user_client_iokit_user_client_class[] = {"AGXDeviceUserClient",
                                                                                      "IOSurfaceRootUserClient", NULL};
static const char *const mps_only_iokit_get_properties_iokit_property[] = {"MetalPluginClassName",
                                                                           "MetalPluginName",
                                                                           "IOClass",
                                                                           "IOGLESDefaultUseMetal",
                                                                           "IORegistryEntryPropertyKeys",
                                                                           "IOSourceVersion",
                                                                           "GPUConfigurationVariable",
                                                                           "GPURawCounterBundleName",
                                                                           "gpu-core-count",
                                                                           "model",
                                                                           "vendor-id",
                                                                           "device-id",
                                                                           "soc-generation",
                                                                           NULL};
static const char *const mps_only_mach_lookup_global_name[] = {
    "com.apple.MTLCompilerService", "com.apple.PowerManagement.control", "com.apple.gpumemd.source", NULL};
static const char *const mps_only_mach_lookup_xpc_service_name[] = {"com.apple.MTLCompilerService", NULL};
static const char *const mps_only_user_preference_read_preference_domain[] = {"com.apple.Metal", NULL};
static const char *const mps_only_file_read_subpath[] = {
    "/Library/GPUBundles", "/System/Library/Frameworks/Metal.framework",
    "/System/Library/Frameworks/MetalPerformanceShaders.framework",
    "/System/Library/Frameworks/MetalPerformanceShadersGraph.framework", NULL};
static const char *const metal_compute_iokit_open_iokit_user_client_class[] = {"AGXDeviceUserClient",
                                                                               "AGXSharedUserClient",
                                                                               "IOSurfaceRootUserClient",
                                                                               "IOSurfaceAcceleratorClient",
                                                                               "IOAccelDevice",
                                                                               "IOAccelDevice2",
                                                                               "IOAccelContext",
                                                                               "IOAccelContext2",
                                                                               "IOAccelSharedUserClient",
                                                                               "IOAccelSharedUserClient2",
                                                                               "IOAccelSubmitter2",
                                                                               "RootDomainUserClient",
                                                                               NULL};
static const char *const metal_compute_iokit_open_service_iokit_user_client_class[] = {"IOSurfaceRoot", NULL};
static const char *const metal_compute_iokit_open_service_iokit_registry_entry_class_prefix[] = {"AGXAcceleratorG",
                                                                                                 NULL};
static const char *const metal_compute_iokit_open_user_client_iokit_user_client_class[] = {
    "AGXDeviceUserClient", "AGXSharedUserClient", "IOSurfaceRootUserClient", "IOSurfaceAcceleratorClient", NULL};
static const char *const metal_compute_iokit_get_properties_iokit_property[] = {"AGCInfo",
                                                                                "AGXCliqueTracingDefaults",
                                                                                "AGXInternalPerfCounterResourcesPath",
                                                                                "AGXLimitersDirName",
                                                                                "AGXParameterBufferMaxSize",
                                                                                "AGXParameterBufferMaxSizeEverMemless",
                                                                                "AGXParameterBufferMaxSizeNeverMemless",
                                                                                "AGXTraceCodeVersion",
                                                                                "CFBundleIdentifier",
                                                                                "CFBundleIdentifierKernel",
                                                                                "chip-id",
                                                                                "CommandSubmissionEnabled",
                                                                                "CompactVRAM",
                                                                                "EnableBlitLib",
                                                                                "gpu-core-count",
                                                                                "GPUConfigurationVariable",
                                                                                "GPUDCCDisplayable",
                                                                                "GPUDebugNullClientMask",
                                                                                "GpuDebugPolicy",
                                                                                "GPURawCounterBundleName",
                                                                                "GPURawCounterPluginClassName",
                                                                                "IOClass",
                                                                                "IOClassNameOverride",
                                                                                "IOGeneralInterest",
                                                                                "IOGLBundleName",
                                                                                "IOGLESBundleName",
                                                                                "IOGLESDefaultUseMetal",
                                                                                "IOGLESMetalBundleName",
                                                                                "IOMatchCategory",
                                                                                "IOMatchedAtBoot",
                                                                                "IONameMatch",
                                                                                "IONameMatched",
                                                                                "IOPCIMatch",
                                                                                "IOPersonalityPublisher",
                                                                                "IOPowerManagement",
                                                                                "IOProbeScore",
                                                                                "IOProviderClass",
                                                                                "IORegistryEntryPropertyKeys",
                                                                                "IOReportLegend",
                                                                                "IOReportLegendPublic",
                                                                                "IOSourceVersion",
                                                                                "KDebugVersion",
                                                                                "MetalCoalesce",
                                                                                "MetalPluginClassName",
                                                                                "MetalPluginName",
                                                                                "MetalStatisticsName",
                                                                                "MetalStatisticsScriptName",
                                                                                "model",
                                                                                "PerformanceStatistics",
                                                                                "Removable",
                                                                                "SafeEjectRequested",
                                                                                "SchedulerState",
                                                                                "SCMBuildTime",
                                                                                "SCMVersionNumber",
                                                                                "soc-generation",
                                                                                "SurfaceList",
                                                                                "vendor-id",
                                                                                "device-id",
                                                                                "class-code",
                                                                                NULL};
static const char *const metal_compute_mach_lookup_global_name[] = {"com.apple.MTLCompilerService",
                                                                    "com.apple.CARenderServer",
                                                                    "com.apple.PowerManagement.control",
                                                                    "com.apple.gpu.process",
                                                                    "com.apple.gpumemd.source",
                                                                    "com.apple.cvmsServ",
                                                                    NULL};
static const char *const metal_compute_mach_lookup_xpc_service_name[] = {"com.apple.MTLCompilerService", NULL};
static const char *const metal_compute_mach_lookup_xpc_service_name_prefix[] = {"com.apple.AGXCompilerService", NULL};
static const char *const metal_compute_user_preference_read_preference_domain[] = {
    "com.apple.opengl", "com.apple.Metal", "com.nvidia.OpenGL", NULL};
static const char *const metal_compute_file_read_subpath[] = {
    "/Library/GPUBundles",
    "/System/Library/Frameworks/Metal.framework",
    "/System/Library/Frameworks/MetalPerformanceShaders.framework",
    "/System/Library/Frameworks/MetalPerformanceShadersGraph.framework",
    "/System/Library/PrivateFrameworks/GPUCompiler.framework",
    NULL};

const struct gpu_rule gpu_mps_only[] = {
    {"iokit-open", "iokit-user-client-class", mps_only_iokit_open_iokit_user_client_class},
    {"iokit-open-service", "iokit-user-client-class", mps_only_iokit_open_service_iokit_user_client_class},
    {"iokit-open-service", "iokit-registry-entry-class-prefix",
     mps_only_iokit_open_service_iokit_registry_entry_class_prefix},
    {"iokit-open-user-client", "iokit-user-client-class", mps_only_iokit_open_user_client_iokit_user_client_class},
    {"iokit-get-properties", "iokit-property", mps_only_iokit_get_properties_iokit_property},
    {"mach-lookup", "global-name", mps_only_mach_lookup_global_name},
    {"mach-lookup", "xpc-service-name", mps_only_mach_lookup_xpc_service_name},
    {"user-preference-read", "preference-domain", mps_only_user_preference_read_preference_domain},
    {"file-read*", "subpath", mps_only_file_read_subpath},
    {NULL, NULL, NULL},
};

const struct gpu_rule gpu_metal_compute[] = {
    {"iokit-open", "iokit-user-client-class", metal_compute_iokit_open_iokit_user_client_class},
    {"iokit-open-service", "iokit-user-client-class", metal_compute_iokit_open_service_iokit_user_client_class},
    {"iokit-open-service", "iokit-registry-entry-class-prefix",
     metal_compute_iokit_open_service_iokit_registry_entry_class_prefix},
    {"iokit-open-user-client", "iokit-user-client-class", metal_compute_iokit_open_user_client_iokit_user_client_class},
    {"iokit-get-properties", "iokit-property", metal_compute_iokit_get_properties_iokit_property},
    {"mach-lookup", "global-name", metal_compute_mach_lookup_global_name},
    {"mach-lookup", "xpc-service-name", metal_compute_mach_lookup_xpc_service_name},
    {"mach-lookup", "xpc-service-name-prefix", metal_compute_mach_lookup_xpc_service_name_prefix},
    {"user-preference-read", "preference-domain", metal_compute_user_preference_read_preference_domain},
    {"file-read*", "subpath", metal_compute_file_read_subpath},
    {NULL, NULL, NULL},
};
