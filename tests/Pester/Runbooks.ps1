# What the tests of docs/runbooks share: simulated fleets, and what a script writes, by kind.
. $PSScriptRoot/Fleet.ps1
$runbooks = Resolve-Path (Join-Path $PSScriptRoot '../../docs/runbooks')

# A script's -ErrorVariable has no errors of cmdlets that are not the last of their pipeline; its error stream has.
function Select-Error { process { if ($_ -is [System.Management.Automation.ErrorRecord]) { $_ } } }
function Select-Warning { process { if ($_ -is [System.Management.Automation.WarningRecord]) { $_ } } }
function Select-Result { process { if ($_ -isnot [System.Management.Automation.ErrorRecord] -and $_ -isnot [System.Management.Automation.WarningRecord]) { $_ } } }
