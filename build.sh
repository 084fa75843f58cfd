#!/usr/bin/env bash
# The way in on any machine: finds or restores pwsh and hands over to build.ps1. Without pwsh it does what needs none, and says in one
# line what was left out and how to get it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 POWERSHELL_TELEMETRY_OPTOUT=1

task=${1:-help}
[ $# -gt 0 ] && shift

usage() {
  cat <<'HELP'
usage: ./build.sh TASK
  demo                  the main job on a simulated fleet, with its trace
  test                  all tests that this machine can run
  lab up [N]|test|down  real libvirt hosts on this machine (Linux, root)
  bench                 benchmarks and comparisons, into artifacts/bench.json
  shell                 an interactive pwsh with the module and a simulated fleet
  build | docs | package
HELP
}

# 7.6 or newer; an older one cannot load the module.
find_pwsh() {
  if command -v pwsh >/dev/null 2>&1 && pwsh -NoProfile -NonInteractive -Command \
    'exit [int]($PSVersionTable.PSVersion -lt [version]"7.6")' >/dev/null 2>&1; then
    pwsh_command=(pwsh)
    return 0
  fi
  if dotnet tool restore >/dev/null 2>&1; then
    pwsh_command=(dotnet tool run pwsh --)
    return 0
  fi
  return 1
}

left_out() {
  echo "Left out: $1, because there is no PowerShell 7.6 here and 'dotnet tool restore' could not get it. Install it (https://aka.ms/install-powershell) and run this again."
}

need_pwsh() {
  echo "'./build.sh $task' needs PowerShell 7.6, which is not here and which 'dotnet tool restore' could not get. Install it: https://aka.ms/install-powershell" >&2
  exit 3
}

run_csharp_tests() {
  mkdir -p artifacts/tests
  dotnet build tests/Kumoi.Core.Tests -c Release -v quiet
  local status=0
  dotnet tests/Kumoi.Core.Tests/bin/Release/net10.0/Kumoi.Core.Tests.dll -ctrf artifacts/tests/core.json || status=$?
  return $status
}

count_of() { sed -n "s/^ *\"$1\": *\([0-9]*\).*/\1/p" artifacts/tests/core.json | head -n 1; }

case $task in
  help | -h | --help) usage; exit 0 ;;
  demo | test | lab | bench | shell | build | docs | package) ;;
  *) usage >&2; exit 2 ;;
esac

if find_pwsh; then
  if [ "$task" = shell ]; then
    exec "${pwsh_command[@]}" -NoProfile -File build.ps1 "$task" "$@"
  fi
  exec "${pwsh_command[@]}" -NoProfile -NonInteractive -File build.ps1 "$task" "$@"
fi

case $task in
  demo)
    dotnet run --project src/Kumoi.Demo -c Release -v quiet
    left_out 'the same deployment as a PowerShell pipeline'
    ;;
  test)
    status=0
    run_csharp_tests || status=$?
    left_out 'the Pester tests of the module, also those in the lab'
    echo "$(count_of passed) passed, $(count_of failed) failed, $(count_of skipped) skipped"
    exit $status
    ;;
  build) dotnet build Kumoi.slnx -c Release ;;
  lab)
    case ${1:-} in
      up | down) exec tests/Lab/lab.sh "$@" ;;
      *) need_pwsh ;;
    esac
    ;;
  *) need_pwsh ;;
esac
