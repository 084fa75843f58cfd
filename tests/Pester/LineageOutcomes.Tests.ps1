# What may have taken effect is never replaced, whatever a script does with its errors; and an undo that finds nothing has not undone.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  function Get-State { (Get-KumoiVM @args -ErrorAction SilentlyContinue | ForEach-Object { "$($_.Name)@$($_.VMHost):$($_.State)" }) -join ' ' }
}

Describe 'An unknown outcome is not hidden by a script' {
  BeforeEach {
    Reset-Fleet
    Add-KumoiFault kvm01 Define -OutcomeUnknown -Message 'answer lost' | Out-Null
    Add-KumoiFault kvm01 Stop -Message 'no answer' | Out-Null
    $told = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'errors'; WarningAction = 'SilentlyContinue'; WarningVariable = 'warnings' }
    function New-Deep($VMHost) { function New-Deeper($On) { try { New-KumoiVM -Name db -VMHost $On -ErrorAction Stop } catch { throw 'deep' } }; New-Deeper $VMHost }
  }

  It '<name>' -ForEach @(
    @{ name = 'try, catch and throw of another'; block = 'try { New-KumoiVM -Name db -VMHost $_ -ErrorAction Stop } catch { throw "no db" }' }
    @{ name = '-ErrorAction SilentlyContinue and an error of its own'; block = '$vm = New-KumoiVM -Name db -VMHost $_ -ErrorAction SilentlyContinue; if (-not $vm) { Write-Error "no db" }' }
    @{ name = '-ErrorAction Ignore'; block = 'New-KumoiVM -Name db -VMHost $_ -ErrorAction Ignore; throw "no db"' }
    @{ name = '2>$null'; block = '$vm = New-KumoiVM -Name db -VMHost $_ 2>$null; if (-not $vm) { throw "no db" }' }
    @{ name = 'a preference'; block = '$ErrorActionPreference = "SilentlyContinue"; $vm = New-KumoiVM -Name db -VMHost $_; if (-not $vm) { throw "no db" }' }
    @{ name = 'functions in functions'; block = 'New-Deep $_' }
    @{ name = 'a trap'; block = 'trap { throw "trapped" }; New-KumoiVM -Name db -VMHost $_ -ErrorAction Stop' }
    @{ name = 'finally'; block = 'try { New-KumoiVM -Name db -VMHost $_ -ErrorAction Stop } finally { throw "last" }' }
    @{ name = 'an inner pipeline'; block = '$vm = $_ | Select-Object -First 1 | New-KumoiVM -Name db -ErrorAction SilentlyContinue; if (-not $vm) { throw "no db" }' }
    @{ name = 'an inner action'; block = '$_ | Invoke-KumoiAction { try { New-KumoiVM -Name db -VMHost $_ -ErrorAction Stop } catch { } }; throw "no db"' }
    @{ name = 'a thread job'; block = '$h = $_.Name; $m = $env:KUMOI_MODULE; $null = Start-ThreadJob { Import-Module $using:m; New-KumoiVM -Name db -VMHost $using:h -ErrorAction SilentlyContinue } | Receive-Job -Wait -AutoRemoveJob; throw "no db"' }
    @{ name = 'ForEach-Object -Parallel'; block = '$m = $env:KUMOI_MODULE; $_.Name | ForEach-Object -Parallel { Import-Module $using:m; New-KumoiVM -Name db -VMHost $_ -ErrorAction SilentlyContinue }; throw "no db"' }
    @{ name = 'a runspace of its own'; block = '$ps = [powershell]::Create().AddScript("Import-Module $env:KUMOI_MODULE; New-KumoiVM -Name db -VMHost $_ -ErrorAction SilentlyContinue"); $null = $ps.Invoke(); $ps.Dispose(); throw "no db"' }
  ) {
    Get-KumoiHost | Select-Object -First 1 | Invoke-KumoiAction ([scriptblock]::Create($block)) @told | Should -BeNullOrEmpty
    (Get-KumoiVM db).VMHost | Should -Be kvm01
    "$errors" | Should -Match "Define of 'db' on kvm01 may have taken effect"
    $warnings | Should -BeNullOrEmpty
  }

  It 'also where the action succeeds: then it is a warning, and nothing later replaces the element' {
    Get-KumoiHost | Select-Object -First 1 | Invoke-KumoiAction { New-KumoiVM -Name db -VMHost $_ -ErrorAction Ignore; $_ } @told |
      Invoke-KumoiAction { throw 'later' } -ErrorAction SilentlyContinue -ErrorVariable later
    (Get-KumoiVM db).VMHost | Should -Be kvm01
    $later.Exception.Message | Should -Contain 'later'
    "$warnings" | Should -Match "Define of 'db' on kvm01 may have taken effect: answer lost"
  }

  It 'in a step between the choice and the action' {
    Get-KumoiHost | Select-Object -First 1 | ForEach-Object { New-KumoiVM -Name db -VMHost $_ -ErrorAction Ignore; $_ } | Invoke-KumoiAction { throw 'later' } @told
    (Get-KumoiVM db).VMHost | Should -Be kvm01
  }

  It 'in the undo of an action' {
    Clear-KumoiFault
    Add-KumoiFault kvm01 Stop -OutcomeUnknown -Message 'answer lost' | Out-Null
    Get-KumoiHost | Select-Object -First 1 |
      Invoke-KumoiAction { $null = New-KumoiVM -Name db -VMHost $_ -Start; $_ } -Undo { Stop-KumoiVM db -TurnOff -ErrorAction Ignore } |
      Invoke-KumoiAction { throw 'later' } @told
    (Get-KumoiVM db).VMHost | Should -Be kvm01
  }

  It 'of a substitute' {
    Add-KumoiFault kvm03 Define -Message 'broken' | Out-Null
    Get-KumoiHost kvm03, kvm01, kvm04 | Sort-Object Name -Descending | Select-Object -Skip 1 -First 1 |
      Invoke-KumoiAction { try { New-KumoiVM -Name db -VMHost $_ -ErrorAction Stop } catch { throw 'no db' } } @told
    (Get-KumoiVM db).VMHost | Should -Be kvm01
    "$errors" | Should -Match 'kvm01 may have taken effect'
  }

  It 'is over when it was undone: then another takes the place' {
    Clear-KumoiFault
    Add-KumoiFault kvm01 Define -OutcomeUnknown | Out-Null
    Get-KumoiHost | Select-Object -First 1 | Invoke-KumoiAction { try { New-KumoiVM -Name db -VMHost $_ -ErrorAction Stop } catch { throw 'no db' } } @told
    Get-State db | Should -Be 'db@kvm02:Shutoff'
  }

  It 'bars its own element only' {
    Add-KumoiFault kvm03 Define -Message 'broken' | Out-Null
    Get-KumoiHost | Select-Object -First 3 | Invoke-KumoiAction { $h = $_; try { New-KumoiVM -Name "db-$_" -VMHost $_ -ErrorAction Stop } catch { throw "no db on $h" } } @told | Out-Null
    (Get-KumoiVM db-*).VMHost | Should -Be kvm01, kvm02, kvm04
  }

  It 'is no matter of pipelines that run beside it' {
    Clear-KumoiFault
    Add-KumoiFault kvm05 Define -Message 'broken' | Out-Null
    $names = 1..4 | ForEach-Object -Parallel {
      Import-Module $env:KUMOI_MODULE
      $i = $_
      (Get-KumoiHost kvm05, kvm06, kvm07 | Select-Object -First 1 | Invoke-KumoiAction { New-KumoiVM -Name "p$i-$_" -VMHost $_ } -WarningAction SilentlyContinue).VMHost
    }
    $names | Should -Be kvm06, kvm06, kvm06, kvm06
  }
}

Describe 'What cannot be undone is not replaced' {
  BeforeEach {
    Reset-Fleet
    $told = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'errors'; WarningAction = 'SilentlyContinue'; WarningVariable = 'warnings' }
  }

  It 'a VM that was moved on is undone where it is now' {
    $script:k = 0
    $null = Get-KumoiHost | Select-Object -First 1 | New-KumoiVM -Name db -Start | Move-KumoiVM -Destination kvm09 -PassThru |
      Invoke-KumoiAction { if ($script:k++ -eq 0) { throw 'first' }; $_ } @told
    Get-State db | Should -Be 'db@kvm09:Running'
    (Get-KumoiOperation -VMHost kvm09 | Where-Object Kind -eq UndoDefine).State | Should -Be Succeeded
    "$warnings" | Should -Match 'kvm02 took its place'
  }

  It 'a VM that was moved in an action is found nowhere, so nothing takes its place' {
    $null = Get-KumoiHost | Select-Object -First 1 | New-KumoiVM -Name db -Start |
      Invoke-KumoiAction { Move-KumoiVM $_ kvm09; throw 'after' } @told
    Get-State db | Should -Be 'db@kvm09:Running'
    "$warnings" | Should -Match "could not be undone: 'db' is no longer on kvm01"
    (Get-KumoiEvent -Kind Compensation -Last 1).Message | Should -Match 'could not be undone'
    "$errors" | Should -Match 'nothing takes its place'
  }

  It 'a VM that was removed meanwhile' {
    $null = Get-KumoiHost | Select-Object -First 1 | New-KumoiVM -Name { "a-$_" } | Invoke-KumoiAction { Remove-KumoiVM $_ -Confirm:$false; throw 'after' } @told
    Get-State a-* | Should -BeNullOrEmpty
    "$errors" | Should -Match 'nothing takes its place'
  }

  It 'a start whose VM was moved on is stopped there' {
    $script:k = 0
    $null = Get-KumoiVM -State Shutoff | Select-Object -First 1 | Start-KumoiVM -PassThru | Move-KumoiVM -Destination kvm09 -PassThru |
      Invoke-KumoiAction { if ($script:k++ -eq 0) { throw 'first' }; $_ } @told
    Get-State kvm01-2, kvm02-2 | Should -Be 'kvm01-2@kvm09:Shutoff kvm02-2@kvm09:Running'
  }

  It 'an undo of the author''s that fails' {
    $null = Get-KumoiHost | Select-Object -First 1 |
      Invoke-KumoiAction { $null = New-KumoiVM -Name db -VMHost $_; $_ } -Undo { throw 'stuck' } | Invoke-KumoiAction { throw 'after' } @told
    Get-State db | Should -Be 'db@kvm01:Shutoff'
  }

  It 'an undo of the action''s own that fails' {
    $null = Get-KumoiHost | Select-Object -First 1 | Invoke-KumoiAction { $null = New-KumoiVM -Name db -VMHost $_; throw 'after' } -Undo { throw 'stuck' } @told
    Get-State db | Should -Be 'db@kvm01:Shutoff'
  }

  It 'a VM that could neither be started nor removed' {
    Add-KumoiFault kvm01 Start -Message 'no memory' | Out-Null
    Add-KumoiFault kvm01 Stop -Message 'no answer' | Out-Null
    $null = Get-KumoiHost | Select-Object -First 1 | New-KumoiVM -Name db -Start @told
    Get-State db | Should -Be 'db@kvm01:Shutoff'
    "$errors" | Should -Match 'no memory.*no answer'
  }

  It 'but with -KeepFailed it is meant to stay' {
    Add-KumoiFault kvm01 Start -Message 'no memory' | Out-Null
    $null = Get-KumoiHost | Select-Object -First 1 | New-KumoiVM -Name { "a-$_" } | Start-KumoiVM -KeepFailed @told
    Get-State a-* | Should -Be 'a-kvm01@kvm01:Shutoff a-kvm02@kvm02:Running'
  }
}
