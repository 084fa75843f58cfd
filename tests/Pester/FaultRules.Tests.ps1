# Which element is replaced after which failure: the table that the list in C# is held to as well, in FaultRulesTests.cs.
BeforeDiscovery {
  # Only the list has pairs.
  $cases = Import-Csv $PSScriptRoot/../FaultRules.csv | Where-Object Choice -NotLike 'pairs *' | ForEach-Object { @{ Choice = $_.Choice; Failure = $_.Failure; Replaced = $_.Replaced } }
}

BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  # Each works on the first of two. What fails on kvm01, fails there once.
  $script:pipelines = @{
    'hosts' = { Get-KumoiHost kvm01, kvm02 | Select-Object -First 1 | Move-KumoiVM -VM kvm03-1 -PassThru @told }
    'VMs' = { Get-KumoiVM kvm01-1, kvm02-1 | Select-Object -First 1 | Start-KumoiVM -PassThru @told }
    'VMs in hosts' = {
      Get-KumoiHost kvm01, kvm02 | Select-Object -First 1 |
        Invoke-KumoiAction { Get-KumoiVM -VMHost $_ | Select-Object -First 1 | Start-KumoiVM -PassThru } @told
    }
    'hosts in VMs' = {
      Get-KumoiVM kvm03-1, kvm04-1 | Select-Object -First 1 |
        Invoke-KumoiAction { $vm = $_; Get-KumoiHost kvm01, kvm02 | Select-Object -First 1 | Move-KumoiVM -VM $vm -PassThru } @told
    }
  }
  # The same with something to undo.
  $script:undoing = @{
    'hosts' = { Get-KumoiHost kvm01, kvm02 | Select-Object -First 1 | New-KumoiVM web -Start @told }
    'VMs' = { Get-KumoiVM kvm01-1, kvm02-1 | Select-Object -First 1 | Start-KumoiVM -PassThru | Invoke-KumoiAction { Stop-OnFirst $_ } @told }
    'VMs in hosts' = {
      Get-KumoiHost kvm01, kvm02 | Select-Object -First 1 |
        Invoke-KumoiAction { Get-KumoiVM -VMHost $_ | Select-Object -First 1 | Start-KumoiVM -PassThru | Invoke-KumoiAction { Stop-OnFirst $_ } } @told
    }
    'hosts in VMs' = {
      Get-KumoiVM kvm03-1, kvm04-1 | Select-Object -First 1 |
        Invoke-KumoiAction { $vm = $_; Get-KumoiHost kvm01, kvm02 | Select-Object -First 1 | New-KumoiVM "web-$vm" -Start } @told
    }
  }
  function Stop-OnFirst($VM) { if ($VM.Name -eq 'kvm01-1') { throw 'broken' }; $VM }
  function Get-Replaced($Choice, $VM) {
    if (-not $VM) { 'nothing' }
    elseif ($VM.VMHost -eq 'kvm02') { if ($Choice -eq 'VMs') { 'VM' } else { 'host' } }
    elseif ($VM.Name -in 'kvm01-2', 'kvm04-1', 'web-kvm04-1') { 'VM' }
    else { "what did not fail: $VM" }
  }
}

Describe 'After a failure (<Failure>) of what was chosen (<Choice>)' -ForEach $cases {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=4&vms=2&running=0&seed=7'
    $null = Get-KumoiVM kvm03-1, kvm04-1 | Start-KumoiVM
    $told = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'errors'; WarningAction = 'SilentlyContinue' }
    $fault = @{ Count = 1; Message = 'broken' }
    $pipeline = if ($Failure -like '*Undone') { $undoing[$Choice] } else { $pipelines[$Choice] }
    switch ($Failure) {
      WrongRequest { $null = Start-KumoiVM kvm01-1; return }
      NotUndone {
        Add-KumoiFault kvm01 Stop -Message 'no answer' | Out-Null
        if ($Choice -like 'VMs*') { return }
      }
      { $_ -like 'OutcomeUnknown*' } { $fault.OutcomeUnknown = $true }
      { $_ -in 'VM', 'Host', 'Network', 'Storage' } { $fault.FaultDomain = $_ }
    }
    'Start', 'Migrate' | ForEach-Object { Add-KumoiFault kvm01 $_ @fault | Out-Null }
  }

  It 'is replaced: <Replaced>' {
    $vm = . $pipeline
    Get-Replaced $Choice $vm | Should -Be $Replaced -Because "$errors"
    ($Replaced -eq 'nothing') | Should -Be ($errors.Count -gt 0)
  }
}

Describe 'What could not be undone bars every substitute' {
  BeforeEach {
    Reset-Fleet
    $told = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'errors'; WarningAction = 'SilentlyContinue' }
  }

  It 'also where a script hides the error, and throws another' {
    Add-KumoiFault kvm01 Start -Message 'no memory' | Out-Null
    Add-KumoiFault kvm01 Stop -Message 'no answer' | Out-Null
    Get-KumoiHost | Select-Object -First 1 |
      Invoke-KumoiAction { try { New-KumoiVM db -VMHost $_ -Start -ErrorAction Stop } catch { throw 'no db' } } @told | Should -BeNullOrEmpty
    (Get-KumoiVM db).VMHost | Should -Be kvm01
    "$errors" | Should -Match 'What New-KumoiVM did on kvm01 and could not undo may have taken effect: no memory.*no answer'
  }

  It 'also where it was a candidate, in an earlier cmdlet of the pipeline' {
    Add-KumoiFault kvm01 Start -Message 'broken' -After 1 | Out-Null
    Add-KumoiFault kvm02 Start -Message 'no memory' | Out-Null
    Add-KumoiFault kvm02 Stop -Message 'no answer' | Out-Null
    Get-KumoiHost | Select-Object -First 1 | New-KumoiVM -Name { "db-$_" } -Start | Invoke-KumoiAction { if ($_.VMHost -eq 'kvm01') { throw 'broken' }; $_ } @told | Should -BeNullOrEmpty
    (Get-KumoiVM db-*).VMHost | Should -Be kvm02
    "$errors" | Should -Match 'broken.*no memory.*no answer'
  }

  It 'of the <name>, in an action that works for another pipeline' -ForEach @(
    @{ name = 'action''s own undo'; block = { $made.Add("$_"); Get-KumoiHost kvm01, kvm02 | Select-Object -First 1 | Invoke-KumoiAction { throw 'after' } -Undo { throw 'stuck' } } }
    @{
      name = 'earlier cmdlet''s undo'
      block = { $made.Add("$_"); Get-KumoiHost kvm01, kvm02 | Select-Object -First 1 | New-KumoiVM db | Invoke-KumoiAction { Remove-KumoiVM $_ -Confirm:$false; throw 'after' } }
    }
  ) {
    $made = [System.Collections.Generic.List[string]]::new()
    Get-KumoiVM | Select-Object -First 1 | Invoke-KumoiAction $block @told
    $made | Should -Be kvm01-1
    "$errors" | Should -Match 'and could not undo may have taken effect'
  }

  It 'but an outcome that was unknown, and was undone, does not' {
    Add-KumoiFault kvm01 Define -OutcomeUnknown -Message 'answer lost' | Out-Null
    (Get-KumoiHost | Select-Object -First 1 | Invoke-KumoiAction { New-KumoiVM db -VMHost $_ } @told).VMHost | Should -Be kvm02
  }
}
