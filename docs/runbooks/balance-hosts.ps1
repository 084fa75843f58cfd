#Requires -Version 7.6
<#
.SYNOPSIS
  Moves the largest VMs off overloaded hosts, each to the least loaded host with room.
.DESCRIPTION
  Invoke-KumoiBalance does this in one cmdlet. Here it is a pipeline, to be changed at will.
.EXAMPLE
  ./balance-hosts.ps1 -MaxCpuRatio 0.8 -MinFreeMemoryBytes 4GB
#>
[CmdletBinding(SupportsShouldProcess)]
param(
  # Only hosts with this label.
  [string[]] $Tag = @(),
  # A busier host, 0 to 1, is overloaded.
  [ValidateRange(0.0, 1.0)][double] $MaxCpuRatio = 0.8,
  # A host with less memory free is overloaded.
  [ValidateRange(0, [long]::MaxValue)][long] $MinFreeMemoryBytes = 256MB,
  [switch] $AllowUnsafe,
  # Go on without the hosts and VMs that fail.
  [switch] $FailureOblivious
)
if ($FailureOblivious) { $KumoiPreference = @{ FailureOblivious = $true; Substitution = $KumoiPreference.Substitution } }

# In parentheses: a host that cannot be read ends the script before anything is moved.
(Get-KumoiHost -Tag $Tag -ErrorAction Stop) |
  Where-Object { -not $_.IsMasked -and ($_.CpuRatio -gt $MaxCpuRatio -or $_.FreeMemoryBytes -lt $MinFreeMemoryBytes) } |
  ForEach-Object {
    $source = $_
    Get-KumoiVM -VMHost $source -State Running |
      Sort-Object MemoryBytes -Descending |
      Select-KumoiVM -AccumulateWhile {
        # As many of the largest as are needed: another one while those before it are not enough.
        param($taken)
        $free = $source.FreeMemoryBytes + ($taken | Measure-Object MemoryBytes -Sum).Sum
        $busy = $source.CpuRatio - ($taken | ForEach-Object { $_.CpuRatio * $_.CpuCount } | Measure-Object -Sum).Sum / $source.CpuCount
        $free -lt $MinFreeMemoryBytes -or $busy -gt $MaxCpuRatio
      } |
      # A VM for which this fails is replaced by the next largest. -Confirm asks about the migration, and -WhatIf shows it.
      Invoke-KumoiAction -WhatIf:$false -Confirm:$false {
        $vm = $_
        # Hosts are read anew for each VM. A target that fails is replaced by the next; nothing is masked before another VM is tried.
        $moved = Get-KumoiHost -Tag $Tag -ErrorAction Stop |
          Where-Object { $_.Name -ne $source.Name -and $_.FreeMemoryBytes - $vm.MemoryBytes -ge $MinFreeMemoryBytes } |
          Where-Object { $_.CpuRatio + $vm.CpuRatio * $vm.CpuCount / $_.CpuCount -le $MaxCpuRatio } |
          Sort-Object CpuRatio |
          Select-Object -First 1 |
          Move-KumoiVM -VM $vm -AllowUnsafe:$AllowUnsafe -PassThru -FailureOblivious:$false
        $moved
        if (-not $moved -and -not $WhatIfPreference) { Write-Error "No host has room for '$vm'." -TargetObject $vm -ErrorId NoRoom }
      }
  }
