#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Profile claude-code: the Claude Code agent, from the npm registry into ~/.local.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib/provision-lib.sh"

_lib_init_provision_state claude-code "${MUTHR_SPECS_REV:-}"
_lib_npm_install @anthropic-ai/claude-code claude

_lib_finalize_provision_state
_lib_log_ok "Profile claude-code is ready"
