#!/usr/bin/env bash
# The way in on any machine that has the .NET SDK: finds pwsh or restores it as a .NET tool, and hands over to build.ps1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 POWERSHELL_TELEMETRY_OPTOUT=1 POWERSHELL_UPDATECHECK=Off

task=${1:-help}
[ $# -gt 0 ] && shift

usage() {
  cat <<'HELP'
usage: ./build.sh TASK
  demo                  the main job on a simulated fleet, with its trace
  test                  all tests that this machine can run
  lab up [N]|test|down  real libvirt hosts on this machine (Linux, root); up [N] mixed: of two generations, as the tests use them
  bench [short]         benchmarks and comparisons, into artifacts/bench.json; short: without the fault-tolerant pairs
  simulate              what replicated operations bring, simulated, into artifacts/simulation and docs/experiments.md
  experiments           the papers' experiments, into docs/experiments.md and artifacts/experiments.json
  shell                 an interactive pwsh with the module and a simulated fleet
  build | docs
  package [PLATFORM...] the module as a zip: one that loads everywhere, or for each platform (linux-x64, osx-arm64, ...) one with machine code
HELP
}

# Sets KUMOI_PWSH to a pwsh of version 7.6 or newer; an older one cannot load the module.
find_pwsh() {
  if command -v pwsh >/dev/null 2>&1 && pwsh -NoProfile -NonInteractive -Command \
    'exit [int]($PSVersionTable.PSVersion -lt [version]"7.6")' >/dev/null 2>&1; then
    KUMOI_PWSH=$(command -v pwsh)
  else
    local reason
    reason=$(dotnet tool restore 2>&1) || {
      echo "PowerShell 7.6 is not here, and 'dotnet tool restore' could not get it ($(tail -n 1 <<<"$reason")). Install it (https://aka.ms/install-powershell), or run this where NuGet can be reached." >&2
      return 1
    }
    # A tool runs as 'dotnet pwsh.dll'; tests that start a fresh pwsh need a program to start.
    mkdir -p artifacts
    KUMOI_PWSH=$PWD/artifacts/pwsh
    printf '#!/bin/sh\nexport KUMOI_PWSH="%s"\nexec dotnet "%s/pwsh.dll" "$@"\n' \
      "$KUMOI_PWSH" "$(dotnet tool run pwsh -- -NoProfile -NonInteractive -Command '$PSHOME')" >"$KUMOI_PWSH.new.$$"
    chmod +x "$KUMOI_PWSH.new.$$"
    mv "$KUMOI_PWSH.new.$$" "$KUMOI_PWSH"
  fi
  export KUMOI_PWSH
}

case $task in
  help | -h | --help) usage; exit 0 ;;
  demo | test | lab | bench | simulate | experiments | shell | build | docs | package) ;;
  *) usage >&2; exit 2 ;;
esac

find_pwsh || exit 3
interactive=(-NonInteractive)
[ "$task" = shell ] && interactive=()
exec "$KUMOI_PWSH" -NoProfile ${interactive[@]+"${interactive[@]}"} -File build.ps1 "$task" "$@"
