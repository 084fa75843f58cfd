# Maintenance and rolling upgrades on real libvirt hosts with running guests. Run by './build.sh lab test'; two hosts are upgraded, a third
# takes their guests.
BeforeAll {
  . $PSScriptRoot/Lab.ps1
  $script:uris = (& $labScript info --json | ConvertFrom-Json).hosts.uri | Select-Object -First 3

  function Get-Counter { param($Machine, $Name) [long](Invoke-Lab counter $Machine $Name) }

  # The guest lives on that host: its counter grows beyond what it was.
  function Wait-Counting { param($Machine, $Name, [long] $Beyond = 0) Wait-For { try { (Get-Counter $Machine $Name) -gt $Beyond } catch { $false } } }

  function New-Guest {
    param($Name, $VMHost)
    New-KumoiVM $Name -VMHost $VMHost -Xml ((Invoke-Lab domain-xml $Name) -join "`n") -Start | Out-Null
    Wait-Counting $VMHost $Name
  }

  # It is the same guest all the time, and runs on one host.
  function Assert-Alive {
    param($Name, $VMHost, [long] $Beyond)
    (Get-KumoiVM $Name -State Running).VMHost | Should -Be $VMHost
    (Get-KumoiVM $Name) | Should -HaveCount 1
    Wait-Counting $VMHost $Name $Beyond
    # It booted once, on the host on which it was made.
    $logs = foreach ($machine in 'k1', 'k2', 'k3') { $path = Invoke-Lab serial $machine $Name; if (Test-Path $path) { Get-Content $path -Raw } }
    [regex]::Matches($logs -join '', 'BOOT') | Should -HaveCount 1
  }
}

Describe 'A rolling upgrade of real hosts' {
  BeforeEach {
    Clear-KumoiFault
    if (Get-KumoiConnection) { Disconnect-KumoiHost * }
    foreach ($machine in 'k1', 'k2', 'k3') { Invoke-Lab mend $machine; Invoke-Lab power-on $machine; Invoke-Lab start-daemon $machine; Invoke-Lab heal $machine }
    Connect-KumoiHost $script:uris | Out-Null
    Get-KumoiHost | Where-Object IsInMaintenance | Resume-KumoiHost
    Get-KumoiVM | Remove-KumoiVM -Force
    foreach ($name in 'web1', 'web2') {
      foreach ($machine in 'k1', 'k2', 'k3') { Remove-Item (Invoke-Lab serial $machine $name) -ErrorAction Ignore }
    }
    New-Guest web1 k1
    New-Guest web2 k2
    $before = @{ web1 = Get-Counter k1 web1; web2 = Get-Counter k2 web2 }
  }
  AfterAll {
    Get-KumoiVM | Remove-KumoiVM -Force
    Disconnect-KumoiHost *
  }

  It 'restarts each while its guests run elsewhere, and brings them back' {
    $script = {
      if ($_.Name -eq 'k1') { Invoke-Lab kill-daemon k1 }
      else { Invoke-Lab power-off $_.Name; Invoke-Lab power-on $_.Name }
      "restarted $_"
    }
    $results = Update-KumoiHost $script -VMHost k1, k2 -VerifyScriptBlock { (Invoke-Lab exec $_.Name virsh -c qemu:///system hostname 2>$null) -eq $_.Name } `
      -ReturnVM -Confirm:$false -ErrorVariable errors
    $errors | Should -BeNullOrEmpty
    $results.State | Should -Be Updated, Updated
    $results.Output | Should -Be 'restarted k1', 'restarted k2'
    # Away to the host that is not upgraded at all, and from the second one to the first.
    $results[0].Steps.Where{ $_.Action -eq 'Move' }.Target | Should -Be k3, k1
    $results[1].Steps.Where{ $_.Action -eq 'Move' }.Target | Should -Be k1, k2
    Assert-Alive web1 k1 $before.web1
    Assert-Alive web2 k2 $before.web2
    Get-KumoiHost | Where-Object IsInMaintenance | Should -BeNullOrEmpty
  }

  It 'killed in the script of the second host, it goes on there in another session' {
    $marker = Join-Path $TestDrive reached
    $session = Join-Path $TestDrive session.ps1
    Set-Content $session @"
Import-Module '$env:KUMOI_MODULE'
Connect-KumoiHost $(($script:uris | ForEach-Object { "'$_'" }) -join ', ') | Out-Null
Update-KumoiHost { if (`$_.Name -eq 'k2') { New-Item '$marker'; Start-Sleep 600 } } -VMHost k1, k2 -Name lab-kill -Confirm:`$false
"@
    $child = Start-Process pwsh @('-NoProfile', '-NonInteractive', '-File', $session) -PassThru
    try { Wait-For { Test-Path $marker } -Seconds 120 } finally { $child.Kill(); $child.WaitForExit() }

    # This session sees the mark of the dead one.
    (Get-KumoiHost | Where-Object IsInMaintenance).Name | Should -Be k2
    New-KumoiVM other -VMHost k2 -ErrorVariable refused -ErrorAction SilentlyContinue
    $refused.FullyQualifiedErrorId | Should -BeLike 'InMaintenance*'
    $results = Update-KumoiHost { "upgraded $_" } -VMHost k1, k2 -Name lab-kill -Confirm:$false -WarningAction SilentlyContinue
    $results.ForEach{ "$_" } | Should -Be 'k2: Updated', 'k1: AlreadyUpdated'
    Get-KumoiHost | Where-Object IsInMaintenance | Should -BeNullOrEmpty
    Assert-Alive web1 (Get-KumoiVM web1).VMHost $before.web1
    Assert-Alive web2 (Get-KumoiVM web2).VMHost $before.web2
  }
}
