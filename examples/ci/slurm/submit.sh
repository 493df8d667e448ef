#!/bin/bash
# Submits the array, and what comes after all of its tasks.
set -euo pipefail
folder=$(dirname "$0")

if [ -n "${PUSH:-}" ]; then
    # Once, into the home that all nodes see. The password stands in a file that only its owner reads, never in an argument.
    imgbuild login "${PUSH%%/*}" --user "${REGISTRY_USER:?}" --password-stdin < "${REGISTRY_PASSWORD_FILE:?}"
fi
build=$(sbatch --parsable "$folder/build.sbatch")
echo "the images are built by job $build"
if [ -n "${PUSH:-}" ]; then
    # Where a task fails it would wait for ever.
    sbatch --dependency="afterok:$build" --kill-on-invalid-dep=yes "$folder/finish.sbatch"
fi
