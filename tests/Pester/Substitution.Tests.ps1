BeforeAll { . $PSScriptRoot/Fleet.ps1 }
BeforeDiscovery { Import-Module $env:KUMOI_MODULE }

Describe 'Substitution' {
  BeforeEach {
    Reset-Fleet
    $WarningPreference = 'SilentlyContinue'
  }

  It 'works below a satisfied Select-Object -First without Sort-Object: the rest is read then' {
    Add-KumoiFault -VMHost kvm02 -Operation Define | Out-Null
    $vms = Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm01, kvm03, kvm04
  }

  It 'tells what of the rest could not be read: <source>' -ForEach @(
    @{ source = 'Get-KumoiHost'; text = 'Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" }'; on = 'kvm01', 'kvm03', 'kvm05' }
    @{ source = 'Get-KumoiVM -State Shutoff'; text = 'Get-KumoiVM -State Shutoff | Select-Object -First 3 | Start-KumoiVM -PassThru'; on = 'kvm01', 'kvm03', 'kvm05' }
  ) {
    'Define', 'Start' | ForEach-Object { Add-KumoiFault -VMHost kvm02 -Operation $_ | Out-Null }
    Add-KumoiFault -VMHost kvm04 -Operation Read -Message 'down' | Out-Null
    $vms = & ([scriptblock]::Create("$text -ErrorVariable script:errors"))
    $vms.VMHost | Should -Be $on
    $errors | Should -BeNullOrEmpty
    @((Get-KumoiLineage).Steps | Where-Object Kind -eq Rejection).ForEach({ "$_" }) | Should -Be "$source(alt) – kvm04: down"
  }

  It 'puts substitutes before the picks below Select-Object -Last' {
    Add-KumoiFault -VMHost kvm19 -Operation Define | Out-Null
    $vms = Get-KumoiHost | Select-Object -Last 3 | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm17, kvm18, kvm20
  }

  It 'counts each step in the trace, however it is written' {
    Add-KumoiFault -VMHost kvm02 -Operation Define | Out-Null
    Get-KumoiHost | Where-Object -Property CpuRatio -lt 0.9 | Sort-Object -Property Name | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } | Out-Null
    (Get-KumoiLineage).ToString() | Should -Match '(?m)^\| Where-Object -Property CpuRatio -lt 0.9  20 → 16$'
  }

  It 'asks the filters above a sort once more and no oftener, however many are replaced: <failing>' -ForEach @(
    @{ failing = @('kvm14') }
    @{ failing = 'kvm14', 'kvm08', 'kvm16' }
  ) {
    foreach ($name in $failing) { Add-KumoiFault -VMHost $name -Operation Define | Out-Null }
    $chosen = Get-KumoiHost | Where-Object Name -notin (@('kvm05') + $failing) | Sort-Object CpuRatio | Select-Object -First 10
    # A filter has no effect that could be counted. This one cannot say anything of one host: each time that it is asked leaves an error.
    # In a runspace of its own: inside of Pester's try the first error would end the pipeline.
    $shell = [powershell]::Create().AddScript("Import-Module '$env:KUMOI_MODULE'; " + {
      $vms = Get-KumoiHost | Where-Object { $_.Name -ne 'kvm05' -or [int]'no number' } | Sort-Object CpuRatio | Select-Object -First 10 |
        New-KumoiVM -Name { "a-$($_.Name)" }
      [pscustomobject]@{ Hosts = $vms.VMHost; Asked = $Error.Count; Trace = "$(Get-KumoiLineage)" }
    })
    $result = $shell.Invoke()
    $shell.Dispose()
    $result.Hosts | Sort-Object | Should -Be ($chosen.Name | Sort-Object)
    $result.Trace | Should -Match "(?m)'no number' \}  20 → 19$"
    $result.Asked | Should -Be 2 -Because 'the pipeline asked once, and all that followed once more'
  }

  # Filters by a number that is written out are asked without Where-Object; those by a variable, and blocks, by it.
  It 'lets pass whom Where-Object lets pass, at the limit too: <filter>' -ForEach @(
    @{ filter = 'CpuRatio -lt LIMIT'; block = '$_.CpuRatio -lt LIMIT' }
    @{ filter = '-Property CpuRatio -LE -Value LIMIT'; block = '$_.CpuRatio -le LIMIT' }
    @{ filter = 'CpuRatio -cgt LIMIT'; block = '$_.CpuRatio -gt LIMIT' }
    @{ filter = 'CpuRatio -ge LIMIT'; block = '$_.CpuRatio -ge LIMIT' }
    @{ filter = 'CpuRatio -eq LIMIT'; block = '$_.CpuRatio -eq LIMIT' }
    @{ filter = 'VMCount -gt 1.5'; block = '$_.VMCount -gt 1.5' }
    @{ filter = 'VMCount -lt 2'; block = '$_.VMCount -lt 2' }
    @{ filter = 'FreeMemoryBytes -ge 20GB'; block = '$_.FreeMemoryBytes -ge 20GB' }
    @{ filter = 'Name -gt 10'; block = '$_.Name -gt 10' }
    @{ filter = 'VMCount -ge "1"'; block = '$_.VMCount -ge "1"' }
    @{ filter = 'VMCount -not'; block = '-not $_.VMCount' }
    @{ filter = 'NoSuch -lt 5'; block = '$_.NoSuch -lt 5' }
  ) {
    Get-KumoiVM | Where-Object { [int]($_.VMHost -replace '\D') % 3 -eq 0 } | Remove-KumoiVM -Force
    $limit = (Get-KumoiHost kvm14).CpuRatio.ToString('R', [cultureinfo]::InvariantCulture)
    $block = $block.Replace('LIMIT', $limit)
    $passed = @(& ([scriptblock]::Create("Get-KumoiHost | Where-Object { $block } | Sort-Object Name")))
    if ($passed) { $null = Add-KumoiFault $passed[0].Name Define }
    $vms = & ([scriptblock]::Create("Get-KumoiHost | Where-Object $($filter.Replace('LIMIT', $limit)) | Sort-Object Name | Select-Object -First 3 | New-KumoiVM -Name { `"a-`$_`" } -ErrorAction SilentlyContinue"))

    $vms.VMHost | Sort-Object | Should -Be ($passed.Name | Select-Object -Skip 1 -First 3)
    if ($passed) { "$(Get-KumoiLineage)" | Should -Match "  20 → $($passed.Count)\b" }
  }

  # Among more than 16, Sort-Object does not keep equals in their order.
  It 'takes whom the same sort would choose without the failed hosts, among many equals too: <sort>' -ForEach @(
    @{ sort = 'Sort-Object VMCount' }
    @{ sort = 'Sort-Object -Property VMCount -Descending' }
    @{ sort = 'Sort-Object HypervisorType, VMCount' }
    @{ sort = 'Sort-Object VMCount, Name -Descending' }
    @{ sort = 'Sort-Object IsMasked' }
    @{ sort = 'Sort-Object { $_.VMCount }' }
  ) {
    Disconnect-KumoiHost *
    Connect-KumoiHost 'sim://many?hosts=300&vms=3&running=0&seed=3' | Out-Null
    Get-KumoiVM | Where-Object { [int]($_.Name -replace '\D') % 7 -lt 3 } | Remove-KumoiVM -Force
    $failing = @()
    $choose = [scriptblock]::Create("Get-KumoiHost | Where-Object Name -notin `$failing | $sort | Select-Object -First 10")
    $chosen = (& $choose).Name
    $failing = $chosen[1, 4, 9]
    # What was chosen and has worked stays; the others are the first of those whom it would choose now.
    $expected = @($chosen | Where-Object { $_ -notin $failing }) + @((& $choose).Name | Where-Object { $_ -notin $chosen } | Select-Object -First 3)
    foreach ($name in $failing) { Add-KumoiFault $name Define | Out-Null }
    $vms = & ([scriptblock]::Create("Get-KumoiHost | Where-Object CpuCount -gt 1 | $sort | Select-Object -First 10 | New-KumoiVM -Name { `"a-`$(`$_.Name)`" }"))
    (Get-KumoiLineage).Substitutions | Should -Be 3
    $vms.VMHost | Sort-Object | Should -Be ($expected | Sort-Object)
  }

  It 'an earlier cmdlet that is called as a value is not replayed, and the failure stays a plain error' {
    Add-KumoiFault -VMHost kvm02 -Operation Start -Message 'broken' | Out-Null
    $vms = Get-KumoiHost | Select-Object -First 3 | & (Get-Command New-KumoiVM) -Name { "a-$($_.Name)" } | Start-KumoiVM -PassThru -ErrorVariable errors -ErrorAction SilentlyContinue
    $vms.VMHost | Should -Be kvm01, kvm03
    $errors.Exception.Message | Should -Be broken
  }

  It 'takes as many candidates as failures, and goes on when a substitute fails too' {
    Add-KumoiFault -VMHost kvm02 -Operation Define | Out-Null
    Add-KumoiFault -VMHost kvm03 -Operation Define | Out-Null
    Add-KumoiFault -VMHost kvm04 -Operation Define | Out-Null
    $vms = Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm01, kvm05, kvm06
  }

  It 'keeps stacked extractions what they mean' {
    Add-KumoiFault -VMHost kvm17 -Operation Define | Out-Null
    # Of the last five the first two: 16, 17. Without 17 the last five begin at 15.
    $vms = Get-KumoiHost | Select-Object -Last 5 | Select-Object -First 2 | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm15, kvm16
  }

  It 'reads a candidate again and turns it down if it no longer matches' {
    Add-KumoiFault -VMHost kvm02 -Operation Define | Out-Null
    # While the pipeline runs, kvm03 gets a VM more than the filter allows: at the moment when the first VM is made.
    $vms = Get-KumoiHost | Where-Object VMCount -eq 2 | Sort-Object Name | Select-Object -First 2 |
      ForEach-Object { if ($_.Name -eq 'kvm01') { New-KumoiVM -Name other -VMHost kvm03 | Out-Null }; $_ } |
      New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm01, kvm04
    (Get-KumoiLineage).ToString() | Should -Match 'New-KumoiVM\(alt\) – kvm03: it no longer matches'
  }

  It 'gives the first cause as the error when nothing is left, with what was tried' {
    Add-KumoiFault -VMHost kvm01 -Operation Define -Message 'first' | Out-Null
    Add-KumoiFault -VMHost * -Operation Define -Message 'later' | Out-Null
    $vms = Get-KumoiHost kvm01, kvm02, kvm03 | Select-Object -First 1 | New-KumoiVM -Name { "a-$($_.Name)" } -ErrorVariable errors -ErrorAction SilentlyContinue
    $vms | Should -BeNullOrEmpty
    $errors.Count | Should -Be 1
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'LineageExhausted*'
    $errors[0].Exception.Message | Should -Be 'first'
    $errors[0].ErrorDetails.Message | Should -Match 'kvm02: later; kvm03: later'
  }

  It 'stops at the exhausted reserve with -ErrorAction Stop, with the first cause' {
    Add-KumoiFault -VMHost * -Operation Define -Message 'all broken' | Out-Null
    { Get-KumoiHost kvm01, kvm02 | Select-Object -First 1 | New-KumoiVM -Name { "a-$($_.Name)" } -ErrorAction Stop } |
      Should -Throw -ExpectedMessage 'all broken*' -ErrorId 'LineageExhausted,Kumoi.PowerShell.Cmdlets.NewKumoiVMCommand'
  }

  It 'does not burn through hosts when the failure is of the VM' {
    Add-KumoiFault -VMHost * -Operation Migrate -FaultDomain VM -Message 'device blocks migration' | Out-Null
    Get-KumoiHost kvm02, kvm03 | Select-Object -First 1 | Move-KumoiVM -VM kvm01-1 -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors.Count | Should -Be 1
    (Get-KumoiFault).Hits | Should -Be 1
    (Get-KumoiVM kvm01-1).VMHost | Should -Be kvm01
    (Get-KumoiLineage).ToString() | Should -Match 'no substitution: the failure is of fault domain VM'
  }

  It 'undoes what took effect although it was reported as failed' {
    Add-KumoiFault -VMHost kvm01 -Operation Define -OutcomeUnknown | Out-Null
    $vms = Get-KumoiHost | Select-Object -First 1 | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm02
    Get-KumoiVM a-* | Should -HaveCount 1
  }

  It 'takes no substitute while the outcome is open' {
    Add-KumoiFault -VMHost kvm01 -Operation Define -OutcomeUnknown -Message 'link lost' | Out-Null
    Add-KumoiFault -VMHost kvm01 -Operation Stop -Message 'still lost' | Out-Null
    $vms = Get-KumoiHost | Select-Object -First 1 | New-KumoiVM -Name web1 -ErrorVariable errors -ErrorAction SilentlyContinue
    $vms | Should -BeNullOrEmpty
    $errors[0].ToString() | Should -Match 'link lost.*still lost'
    (Get-KumoiVM web1).VMHost | Should -Be kvm01
  }

  It 'takes no substitute for a migration whose outcome is open' {
    Add-KumoiFault -VMHost kvm02 -Operation Migrate -OutcomeUnknown -FaultDomain Network | Out-Null
    Get-KumoiHost kvm02, kvm03 | Select-Object -First 1 | Move-KumoiVM -VM kvm01-1 -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors | Should -HaveCount 1
    (Get-KumoiVM kvm01-1).VMHost | Should -Be kvm02
  }

  It 'leaves the debris with -KeepFailed' {
    Add-KumoiFault -VMHost kvm01 -Operation Start | Out-Null
    $vms = Get-KumoiHost | Select-Object -First 1 | New-KumoiVM -Name { "a-$($_.Name)" } -Start -KeepFailed
    $vms.VMHost | Should -Be kvm02
    (Get-KumoiVM a-kvm01).State | Should -Be Shutoff
  }

  It 'is off with -NoSubstitution: nine VMs, and the error' {
    Add-KumoiFault -VMHost kvm03 -Operation Define | Out-Null
    $vms = Get-KumoiHost | Select-Object -First 10 | New-KumoiVM -Name { "a-$($_.Name)" } -NoSubstitution -ErrorVariable errors -ErrorAction SilentlyContinue
    $vms | Should -HaveCount 9
    $errors | Should -HaveCount 1
  }

  It 'is off with $KumoiPreference, also in one function only' {
    Add-KumoiFault -VMHost kvm03 -Operation Define | Out-Null
    function New-Strictly { $KumoiPreference = @{ Substitution = 'None' }; Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "s-$($_.Name)" } -ErrorAction SilentlyContinue }
    New-Strictly | Should -HaveCount 2
    Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } | Should -HaveCount 3
    $KumoiPreference.Substitution = 'None'
    try { Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "b-$($_.Name)" } -ErrorAction SilentlyContinue | Should -HaveCount 2 }
    finally { $KumoiPreference.Substitution = 'Auto' }
  }

  It 'works below Sort-Object -Top and -Bottom and Select-Object -Index' {
    Add-KumoiFault -VMHost kvm02 -Operation Define | Out-Null
    Add-KumoiFault -VMHost kvm19 -Operation Define | Out-Null
    (Get-KumoiHost | Sort-Object Name -Top 3 | New-KumoiVM -Name { "t-$($_.Name)" }).VMHost | Should -Be kvm01, kvm03, kvm04
    (Get-KumoiHost | Sort-Object Name -Bottom 3 | New-KumoiVM -Name { "b-$($_.Name)" }).VMHost | Should -Be kvm17, kvm18, kvm20
    # Of the list without kvm02 and kvm19, the second is kvm03; kvm05, which was picked and made, stays.
    (Get-KumoiHost | Sort-Object Name | Select-Object -Index 1, 4 | New-KumoiVM -Name { "i-$($_.Name)" }).VMHost | Should -Be kvm03, kvm05
  }

  It 'never happens with -WhatIf' {
    Add-KumoiFault -VMHost kvm01 -Operation * | Out-Null
    Get-KumoiHost kvm02, kvm03 | Select-Object -First 1 | New-KumoiVM -Name { "a-$($_.Name)" } -WhatIf
    Get-KumoiVM a-* -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
  }

  It 'leaves the original failure untouched where nothing was extracted' {
    Add-KumoiFault -VMHost kvm03 -Operation Define -Message 'broken' | Out-Null
    $vms = Get-KumoiHost | New-KumoiVM -Name { "a-$($_.Name)" } -ErrorVariable errors -ErrorAction SilentlyContinue
    $vms | Should -HaveCount 19
    $errors.FullyQualifiedErrorId | Should -Be 'HypervisorFailed,Kumoi.PowerShell.Cmdlets.NewKumoiVMCommand'
  }

  It 'removes, stops, suspends and restarts what was chosen, and no other VM' {
    Add-KumoiFault -VMHost * -VM kvm01-1 -Operation * | Out-Null
    $before = (Get-KumoiVM -VMHost kvm0[2-9], kvm1*, kvm20).State
    Get-KumoiVM -State Running | Select-Object -First 1 | Stop-KumoiVM -TurnOff -ErrorVariable errors -ErrorAction SilentlyContinue
    Get-KumoiVM -State Running | Select-Object -First 1 | Suspend-KumoiVM -ErrorVariable +errors -ErrorAction SilentlyContinue
    Get-KumoiVM -State Running | Select-Object -First 1 | Restart-KumoiVM -ErrorVariable +errors -ErrorAction SilentlyContinue
    Get-KumoiVM -State Running | Select-Object -First 1 | Remove-KumoiVM -Force -ErrorVariable +errors -ErrorAction SilentlyContinue
    $errors | Should -HaveCount 4
    (Get-KumoiVM -VMHost kvm0[2-9], kvm1*, kvm20).State | Should -Be $before
  }

  It 'replaces VMs too' {
    Add-KumoiFault -VMHost * -VM kvm01-2 -Operation Start | Out-Null
    $vms = Get-KumoiVM -State Shutoff | Select-Object -First 2 | Start-KumoiVM -PassThru
    $vms.Name | Should -Be kvm02-2, kvm03-2
  }
}
