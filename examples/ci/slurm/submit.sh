#!/bin/bash
# Submits the array, and what comes after all of its tasks.
set -euo pipefail
cd "$(dirname "$0")"

build=$(sbatch --parsable build.sbatch)
echo "the images are built by job $build"
if [ -n "${PUSH:-}" ]; then
    sbatch --dependency="afterok:$build" finish.sbatch
fi
