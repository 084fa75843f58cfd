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
  simulate              what replicated operations bring, simulated, into artifacts/simulation and docs/experiments.md
  experiments           the papers' experiments, into docs/experiments.md and artifacts/experiments.json
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

# Why the lab cannot run here, and what to do; nothing if it can.
lab_obstacle() {
  if [ "$(uname)" = Linux ]; then tests/Lab/lab.sh check || true; else echo 'it needs Linux'; fi
}

# Reports of the tests that were begun.
reports=()

run_csharp_tests() { # run_csharp_tests FOLDER ASSEMBLY REPORT [COMMAND THAT RUNS IT]; not stopped by 'set -e' where its status is asked for
  local report=artifacts/tests/$3.json
  mkdir -p artifacts/tests
  rm -f "$report"
  reports+=("$report")
  dotnet build "$1" -c Release -v quiet -nologo || return
  "${@:4}" dotnet "$PWD/$1/bin/Release/net10.0/$2.dll" -ctrf "$PWD/$report"
}

run_lab_tests() {
  local status=0
  trap 'tests/Lab/lab.sh down' EXIT # also when somebody ends us
  { tests/Lab/lab.sh up 6 && run_csharp_tests tests/Lab Kumoi.Lab.Tests lab-csharp tests/Lab/lab.sh run; } || status=$?
  tests/Lab/lab.sh down || status=$?
  trap - EXIT
  return $status
}

# passed, failed or skipped, in all reports. Tests without a report have failed.
count_of() {
  local report sum=0
  for report in ${reports[@]+"${reports[@]}"}; do
    if [ -s "$report" ]; then
      sum=$((sum + $(grep -o "\"$1\": *[0-9][0-9]*" "$report" | head -n 1 | grep -o '[0-9]*$')))
    elif [ "$1" = failed ]; then
      sum=$((sum + 1))
    fi
  done
  echo "$sum"
}

print_counts() { echo "$(count_of passed) passed, $(count_of failed) failed, $(count_of skipped) skipped"; }

case $task in
  help | -h | --help) usage; exit 0 ;;
  demo | test | lab | bench | simulate | experiments | shell | build | docs | package) ;;
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
    run_csharp_tests tests/Kumoi.Core.Tests Kumoi.Core.Tests core || status=$?
    obstacle=$(lab_obstacle)
    if [ -n "$obstacle" ]; then
      echo "Left out: the tests on real hosts, because $obstacle."
    else
      run_lab_tests || status=$?
    fi
    left_out 'the Pester tests'
    print_counts
    exit $status
    ;;
  build) dotnet build Kumoi.slnx -c Release ;;
  lab)
    case ${1:-} in
      up | down | status) exec tests/Lab/lab.sh "$@" ;;
      test)
        obstacle=$(lab_obstacle)
        if [ -n "$obstacle" ]; then
          echo "The lab cannot run here: $obstacle." >&2
          exit 3
        fi
        status=0
        run_lab_tests || status=$?
        left_out 'the Pester tests in the lab'
        print_counts
        exit $status
        ;;
      *) echo 'usage: ./build.sh lab up [N] | test | down | status' >&2; exit 2 ;;
    esac
    ;;
  *) need_pwsh ;;
esac
