#!/bin/sh
# Starts the server of the model, in place of this shell, so that signals reach it.
# It takes what `drum server` takes: options as arguments, and the variables of its help.
set -eu

CODE_DIR=$${CODE_DIR:-/opt/model}
ADDRESS=$${ADDRESS:-0.0.0.0:$port}
MAX_WORKERS=$${MAX_WORKERS:-$workers}
export CODE_DIR ADDRESS MAX_WORKERS

exec drum server "$$@"
