#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Profile codex: the Codex agent, from the npm registry into ~/.local.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib/provision-lib.sh"

_lib_init_provision_state codex "${MUTHR_SPECS_REV:-}"
_lib_npm_install @openai/codex codex

_lib_finalize_provision_state
_lib_log_ok "Profile codex is ready"
