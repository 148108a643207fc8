#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Profile opencode: the OpenCode agent, from the npm registry into ~/.local.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib/provision-lib.sh"

_lib_init_provision_state opencode "${MUTHR_SPECS_REV:-}"
_lib_npm_install opencode-ai opencode

# The local inference server as a provider, unless there is a configuration already.
config="${XDG_CONFIG_HOME:-$HOME/.config}/opencode/opencode.json"
if [ -n "${MUTHR_OPENAI_URL:-}" ] && [ -n "${MUTHR_MODEL_NAME:-}" ] && [ ! -e "$config" ]; then
    _lib_log_proc "Pointing OpenCode at $MUTHR_OPENAI_URL..."
    mkdir -p "$(dirname "$config")"
    node -e '
        const [url, model, context] = process.argv.slice(1);
        const limit = { context: Number(context) || 131072, output: 8192 };
        console.log(JSON.stringify({
            $schema: "https://opencode.ai/config.json",
            model: "muthr/" + model,
            provider: { muthr: { npm: "@ai-sdk/openai-compatible", name: "muthr", options: { baseURL: url },
                models: { [model]: { name: model, limit } } } },
        }, null, 2));
    ' "$MUTHR_OPENAI_URL" "$MUTHR_MODEL_NAME" "${MUTHR_CTX_WINDOW:-}" >"$config.new"
    mv "$config.new" "$config"
    _lib_log_ok "OpenCode uses the model $MUTHR_MODEL_NAME"
fi

_lib_finalize_provision_state
_lib_log_ok "Profile opencode is ready"
