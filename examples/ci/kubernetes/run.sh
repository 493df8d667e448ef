#!/bin/bash
# Builds all images by the Job of job.yaml, and then tells by that of finish.yaml whether all of them are there.
set -euo pipefail
folder=$(dirname "$0")
kubectl=(kubectl --namespace "${NAMESPACE:-images}")

# One Job from its beginning to its end. `kubectl wait` would wait for one end only, and for ever where it is the other one.
run() {
    "${kubectl[@]}" delete --ignore-not-found "job/$1"
    "${kubectl[@]}" create --filename "$folder/$2"
    local ended=
    until [[ $ended =~ Complete|Failed ]]; do
        sleep 5
        ended=$("${kubectl[@]}" get "job/$1" --output 'jsonpath={.status.conditions[?(@.status=="True")].type}')
    done
    if [[ $ended =~ Failed ]]; then
        echo "the Job $1 has failed: kubectl describe job/$1" >&2
        exit 1
    fi
}

run images-build job.yaml
run images-finish finish.yaml
