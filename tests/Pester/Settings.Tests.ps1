BeforeAll { . "$PSScriptRoot/Fleet.ps1" }

Describe 'Set-KumoiVM' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'says that the host starts the VM with itself, and that it does not' {
    Set-KumoiVM kvm01-1 -AutoStart | Should -BeNullOrEmpty
    (Get-KumoiVM kvm01-1).IsAutostart | Should -BeTrue
    (Get-KumoiVM kvm01-2).IsAutostart | Should -BeFalse
    (Set-KumoiVM kvm01-1 -AutoStart:$false -PassThru).IsAutostart | Should -BeFalse
  }

  It 'is an error for the VM that fails, and for no other' {
    Add-KumoiFault kvm02 SetAutostart -Message 'read-only' | Out-Null
    Get-KumoiVM | Set-KumoiVM -AutoStart -ErrorVariable failed -ErrorAction SilentlyContinue
    $failed.TargetObject.Name | Should -Be kvm02-1, kvm02-2
    (Get-KumoiVM | Where-Object IsAutostart).VMHost | Sort-Object -Unique | Should -Be kvm01, kvm03
  }

  It 'takes no other VM in the place of one that fails' {
    Add-KumoiFault kvm01 SetAutostart | Out-Null
    Get-KumoiVM | Select-Object -First 1 | Set-KumoiVM -AutoStart -ErrorVariable failed -ErrorAction SilentlyContinue
    $failed | Should -HaveCount 1
    Get-KumoiVM | Where-Object IsAutostart | Should -BeNullOrEmpty
  }
}

Describe 'Set-KumoiVM of CPUs and memory' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'changes what the VM has from its next start on' {
    $set = Set-KumoiVM kvm01-2 -CpuCount 3 -MemoryBytes 192MB -PassThru
    $set.CpuCount, $set.MemoryBytes | Should -Be 3, 192MB
    (Start-KumoiVM kvm01-2 -PassThru).CpuCount | Should -Be 3
  }

  It 'leaves what it is not told of' {
    $before = Get-KumoiVM kvm01-2
    $set = Set-KumoiVM kvm01-2 -CpuCount 3 -PassThru
    $set.MemoryBytes, $set.IsAutostart | Should -Be $before.MemoryBytes, $false
  }

  It 'refuses <why>' -ForEach @(
    @{ why = 'more CPUs than a VM that runs can have'; prepare = { }; vm = 'kvm01-1'; message = "*'kvm01-1' can have * CPUs while it runs, not 7*" }
    @{ why = 'one with a saved state'; prepare = { Save-KumoiVM kvm01-1 }; vm = 'kvm01-1'; message = "*'kvm01-1' has a saved state*" }
  ) {
    & $prepare
    $before = Get-KumoiVM $vm
    { Set-KumoiVM $vm -CpuCount 7 -AutoStart -ErrorAction Stop } | Should -Throw $message
    $after = Get-KumoiVM $vm
    $after.CpuCount, $after.IsAutostart | Should -Be $before.CpuCount, $before.IsAutostart
  }

  It 'changes what a VM that runs has within what it can have, and what it can have from its next start on' {
    Set-KumoiVM kvm01-2 -CpuCount 2 -MaxCpuCount 8 -MemoryBytes 1GB -MaxMemoryBytes 4GB
    $started = Start-KumoiVM kvm01-2 -PassThru
    $started.CpuCount, $started.MaxCpuCount, $started.AssignedMemoryBytes, $started.MemoryBytes | Should -Be 2, 8, 1GB, 4GB
    $set = Set-KumoiVM kvm01-2 -CpuCount 6 -MemoryBytes 3GB -PassThru -WarningVariable warned
    $set.CpuCount, $set.AssignedMemoryBytes, $set.MemoryBytes | Should -Be 6, 3GB, 4GB
    $warned | Should -BeNullOrEmpty
    { Set-KumoiVM kvm01-2 -MemoryBytes 5GB -ErrorAction Stop } | Should -Throw "*can have 4096 MiB of memory while it runs, not 5120*"
    Set-KumoiVM kvm01-2 -MaxCpuCount 16 -WarningVariable warned -WarningAction SilentlyContinue
    "$warned" | Should -BeLike '*changes when it is stopped and started again*'
    (Get-KumoiVM kvm01-2).MaxCpuCount | Should -Be 8
    Stop-KumoiVM kvm01-2 -TurnOff
    $after = Start-KumoiVM kvm01-2 -PassThru
    $after.CpuCount, $after.MaxCpuCount, $after.AssignedMemoryBytes | Should -Be 6, 16, 3GB
    { Set-KumoiVM kvm01-2 -MaxCpuCount 1 -ErrorAction Stop } | Should -Throw "*cannot have 6 CPUs of at most 1*"
  }

  It 'changes all or nothing' {
    Add-KumoiFault kvm01 SetAutostart | Out-Null
    $before = Get-KumoiVM kvm01-2
    { Set-KumoiVM kvm01-2 -CpuCount 7 -MemoryBytes 99MB -AutoStart -ErrorAction Stop } | Should -Throw '*injected fault*'
    $after = Get-KumoiVM kvm01-2
    $after.CpuCount, $after.MemoryBytes | Should -Be $before.CpuCount, $before.MemoryBytes
  }

  It 'says that there is nothing to set' {
    { Set-KumoiVM kvm01-2 } | Should -Throw 'There is nothing to set.'
  }
}

Describe 'Set-KumoiVM of title and description' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'writes what people say of a VM, whether it runs or not, and leaves what it is not told of' {
    Get-KumoiVM kvm01-* | Set-KumoiVM -Title "Shop's <db>" -Description "root: ask Ada`nbackup: 3 am"
    $read = Get-KumoiVM kvm01-* -Raw
    $read.Title | Should -Be "Shop's <db>", "Shop's <db>"
    $read.Description | Should -Be "root: ask Ada`nbackup: 3 am", "root: ask Ada`nbackup: 3 am"
    Set-KumoiVM kvm01-1 -Title Shop
    (Get-KumoiVM kvm01-1 -Raw).Title, (Get-KumoiVM kvm01-1 -Raw).Description | Should -Be Shop, "root: ask Ada`nbackup: 3 am"
    Set-KumoiVM kvm01-1 -Title '' -Description ''
    (Get-KumoiVM kvm01-1 -Raw).Title, (Get-KumoiVM kvm01-1 -Raw).Description | Should -Be '', ''
    (Get-KumoiVM kvm01-2).Title | Should -BeNullOrEmpty # read without its XML: not known
  }

  It 'refuses a text that cannot be kept, and changes nothing' {
    { Set-KumoiVM kvm01-1 -Title "two`nlines" -CpuCount 1 -ErrorAction Stop } | Should -Throw '*title*'
    { Set-KumoiVM kvm01-1 -Description "bell`a" -ErrorAction Stop } | Should -Throw '*description*'
    (Get-KumoiVM kvm01-1 -Raw).Title | Should -Be ''
  }

  It 'changes all or nothing' {
    Add-KumoiFault kvm01 SetAutostart | Out-Null
    { Set-KumoiVM kvm01-2 -CpuCount 7 -Title new -AutoStart -ErrorAction Stop } | Should -Throw '*injected fault*'
    $after = Get-KumoiVM kvm01-2 -Raw
    $after.CpuCount, $after.Title | Should -Be 1, ''
  }

  It 'keeps passwords that people write there out of the journal' {
    Set-KumoiVM kvm01-1 -Title Shop -Description 'root: hunter2'
    $operation = Get-KumoiOperation | Select-Object -Last 1
    $operation.Kind | Should -Be Describe
    $operation.Details | Should -BeLike '*Shop*'
    $operation.Details | Should -Not -BeLike '*hunter2*'
  }
}

Describe 'Set-KumoiVM -Xml' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'replaces the definition, and -PassThru gives the VM that it makes' {
    $vm = Get-KumoiVM kvm01-2 -Raw
    $set = $vm | Set-KumoiVM -Xml ($vm.Xml -replace '<vcpu>1<', '<vcpu>4<') -PassThru
    $set.CpuCount, $set.Id | Should -Be 4, $vm.Id
    (Get-KumoiVM kvm01-2).CpuCount | Should -Be 4
    $document = [xml] (Get-KumoiVM kvm01-2 -Raw).Xml
    $document.domain.vcpu = '2'
    Set-KumoiVM kvm01-2 -Xml $document
    (Get-KumoiVM kvm01-2).CpuCount | Should -Be 2
  }

  It 'holds from the next start on where the VM runs, and says so' {
    $vm = Get-KumoiVM kvm01-1 -Raw
    $vm | Set-KumoiVM -Xml ($vm.Xml -replace '<vcpu>\d+<', '<vcpu>7<') -WarningVariable warned -WarningAction SilentlyContinue
    "$warned" | Should -BeLike '*stopped and started again*'
    (Get-KumoiVM kvm01-1).CpuCount | Should -Be $vm.CpuCount
    Stop-KumoiVM kvm01-1 -TurnOff
    (Start-KumoiVM kvm01-1 -PassThru).CpuCount | Should -Be 7
  }

  It 'refuses one that somebody has changed since it was read, and takes a VM by name as it is' {
    $vm = Get-KumoiVM kvm01-2 -Raw
    Set-KumoiVM kvm01-2 -CpuCount 3
    { $vm | Set-KumoiVM -Xml ($vm.Xml -replace '<vcpu>1<', '<vcpu>4<') -ErrorAction Stop } | Should -Throw "The definition of 'kvm01-2' has changed since it was read."
    (Get-KumoiVM kvm01-2).CpuCount | Should -Be 3
    Set-KumoiVM kvm01-2 -Xml ($vm.Xml -replace '<vcpu>1<', '<vcpu>4<')
    (Get-KumoiVM kvm01-2).CpuCount | Should -Be 4
  }

  It 'refuses <why>, and changes nothing' -ForEach @(
    @{ why = 'the XML of another VM'; xml = { (Get-KumoiVM kvm01-1 -Raw).Xml }; message = '*is of another VM*' }
    @{ why = 'another id'; xml = { (Get-KumoiVM kvm01-2 -Raw).Xml -replace '<uuid>.*</uuid>', "<uuid>$([guid]::NewGuid())</uuid>" }; message = '*another VM: its <uuid>*' }
    @{ why = 'one without a name'; xml = { (Get-KumoiVM kvm01-2 -Raw).Xml -replace '<name>.*</name>' }; message = '*has no <name>*' }
    @{ why = 'what is no XML'; xml = { '<domain><name>kvm01-2</domain>' }; message = "*cannot be parsed*" }
    @{ why = 'a file of this computer'; xml = { "<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain><name>&e;</name></domain>" }; message = '*DTD*' }
    @{ why = 'no memory'; xml = { (Get-KumoiVM kvm01-2 -Raw).Xml -replace '<memory.*</memory>' }; message = '*no memory*' }
    @{ why = 'a path'; xml = { '/tmp/vm.xml' }; message = '*read the file*' }
  ) {
    $before = (Get-KumoiVM kvm01-2 -Raw).Xml
    $given = & $xml
    { Set-KumoiVM kvm01-2 -Xml $given -ErrorAction Stop } | Should -Throw $message
    (Get-KumoiVM kvm01-2 -Raw).Xml | Should -Be $before
  }

  It 'goes alone, and not with a saved state' {
    $xml = (Get-KumoiVM kvm01-1 -Raw).Xml
    { Set-KumoiVM kvm01-1 -Xml $xml -AutoStart } | Should -Throw -ErrorId 'XmlAlone,*'
    Save-KumoiVM kvm01-1
    { Set-KumoiVM kvm01-1 -Xml $xml -ErrorAction Stop } | Should -Throw '*saved state*'
  }

  It 'is undone where a later cmdlet fails on the VM and another is to take its place' {
    $xml = (Get-KumoiVM kvm01-2 -Raw).Xml -replace '<vcpu>1<', '<vcpu>4<'
    $before = Get-Date
    Get-KumoiVM kvm01-2, kvm02-2 | Select-Object -First 1 | Set-KumoiVM -Xml $xml -PassThru | Invoke-KumoiAction { throw "no $_" } -ErrorAction SilentlyContinue
    (Get-KumoiVM kvm01-2).CpuCount | Should -Be 1
    (Get-KumoiOperation -VM kvm01-2 -After $before | Where-Object Kind -EQ Redefine).State | Should -Be Succeeded, Succeeded
  }

  It 'leaves the journal what the definition was' {
    $vm = Get-KumoiVM kvm01-2 -Raw
    $vm | Set-KumoiVM -Xml ($vm.Xml -replace '<vcpu>1<', '<vcpu>4<')
    $operation = Get-KumoiOperation | Select-Object -Last 1
    $operation.Kind | Should -Be Redefine
    ([xml] ($operation.Details | ConvertFrom-Json).before).domain.vcpu | Should -Be 1
  }
}

Describe 'Rename-KumoiVM' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'gives a VM that is off another name, under which it is found, and it is the same VM' {
    $before = Get-KumoiVM kvm01-2
    Rename-KumoiVM kvm01-2 db1 | Should -BeNullOrEmpty
    Get-KumoiVM kvm01-2 | Should -BeNullOrEmpty
    (Get-KumoiVM db1).Id | Should -Be $before.Id
    (Rename-KumoiVM db1 db1 -PassThru).Name | Should -Be db1
  }

  It 'makes each name of its own VM' {
    $before = Get-KumoiVM -State Shutoff
    $renamed = $before | Rename-KumoiVM -NewName { $_.Name -replace '^kvm', 'web' } -PassThru
    $renamed.Name | Should -Be web01-2, web02-2, web03-2
    $renamed.Id | Should -Be $before.Id
  }

  It 'refuses <why>, and changes nothing' -ForEach @(
    @{ why = 'a VM that runs'; vm = 'kvm01-1'; name = 'db1'; message = "*'kvm01-1' is Running: only a VM that is off is renamed*" }
    @{ why = 'a name that another has'; vm = 'kvm01-2'; name = 'kvm01-1'; message = "*already has a VM 'kvm01-1'*" }
    @{ why = 'a name that no VM can have'; vm = 'kvm01-2'; name = "a`nb"; message = '*name*' }
    @{ why = 'a name with a slash'; vm = 'kvm01-2'; name = 'a/b'; message = '*name*' }
  ) {
    $before = (Get-KumoiVM).Name
    { Rename-KumoiVM $vm $name -ErrorAction Stop } | Should -Throw $message
    (Get-KumoiVM).Name | Should -Be $before
  }
}

Describe 'Save-KumoiVM' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'turns the VM off with its state, and its next start goes on from there' {
    $saved = Save-KumoiVM kvm01-1 -PassThru
    $saved.State, $saved.HasSavedState | Should -Be Shutoff, $true
    $started = Start-KumoiVM kvm01-1 -PassThru
    $started.State, $started.HasSavedState | Should -Be Running, $false
  }

  It 'keeps a VM paused that was paused' {
    Suspend-KumoiVM kvm01-1
    Save-KumoiVM kvm01-1
    (Start-KumoiVM kvm01-1 -PassThru).State | Should -Be Paused
    Resume-KumoiVM kvm01-1
    Stop-KumoiVM kvm01-1 -TurnOff
    (Start-KumoiVM kvm01-1 -PassThru).State | Should -Be Running
  }

  It 'refuses a VM that is off, and saves the others' {
    Get-KumoiVM kvm01-* | Save-KumoiVM -ErrorVariable failed -ErrorAction SilentlyContinue
    $failed.Exception.Message | Should -BeLike "*'kvm01-2' is Shutoff: only a VM that runs or is paused is saved*"
    (Get-KumoiVM | Where-Object HasSavedState).Name | Should -Be kvm01-1
  }
}

Describe 'Wait-KumoiVM' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'gives the VMs that are in the state, in the order in which they came' {
    (Get-KumoiVM -State Running | Wait-KumoiVM).Name | Should -Be kvm01-1, kvm02-1, kvm03-1
    (Wait-KumoiVM kvm02-2 -State Shutoff).State | Should -Be Shutoff
  }

  It 'is an error for each VM that is not in it in time, and says what it is instead' {
    $there = Get-KumoiVM kvm01-* | Wait-KumoiVM -TimeoutSec 0 -ErrorVariable failed -ErrorAction SilentlyContinue
    $there.Name | Should -Be kvm01-1
    $failed.Exception.Message | Should -BeLike "'kvm01-2' is Shutoff after 0 s, and not Running."
    $failed.FullyQualifiedErrorId | Should -BeLike TimedOut*
    $failed.TargetObject.Name | Should -Be kvm01-2
  }

  It 'says that a VM was removed meanwhile' {
    $vm = Get-KumoiVM kvm01-2
    Remove-KumoiVM kvm01-2 -Force
    { $vm | Wait-KumoiVM -ErrorAction Stop } | Should -Throw "*'kvm01-2' is no longer on kvm01*"
  }

  It 'waits for an address, and the VM has it then' {
    New-KumoiVM -VMHost kvm01, kvm02 -Name web -MemoryBytes 64MB -Start | Out-Null
    $there = Get-KumoiVM web | Wait-KumoiVM -Address
    $there.VMHost | Should -Be kvm01, kvm02
    $there[0].Addresses | Should -Be 192.168.122.2
    (Get-KumoiVM web -VMHost kvm01).Addresses | Should -BeNullOrEmpty # it is read for those who wait for it
    $adapter = Get-KumoiNetworkAdapter web -VMHost kvm01
    $adapter.Addresses | Should -Be 192.168.122.2
    $adapter | Out-String -Width 200 | Should -Match '(?m)^web .+ default +192\.168\.122\.2 '
    Stop-KumoiVM web -VMHost kvm01 -TurnOff
    Get-KumoiNetworkAdapter web -VMHost kvm01 | ForEach-Object { , $_.Addresses | Should -BeNullOrEmpty }
  }

  It 'waits for the agent in the guest, as a job too' {
    New-KumoiVM -VMHost kvm01 -Name web -MemoryBytes 64MB -Start | Out-Null
    $job = Wait-KumoiVM web -Agent -AsJob
    (Wait-KumoiVM web -Agent).State | Should -Be Running
    ($job | Wait-KumoiTask).Name | Should -Be web
    $job.State | Should -Be Completed
  }

  It 'says at once what no waiting brings' {
    New-KumoiVM -VMHost kvm01 -Name web -MemoryBytes 64MB -Start | Out-Null
    $failed = { Wait-KumoiVM kvm01-1 -Agent -ErrorAction Stop } | Should -Throw "'kvm01-1' has no channel for a guest agent." -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike InvalidState*
    $failed.ErrorDetails.RecommendedAction | Should -BeLike '*Set-KumoiVM -Xml*'
    $failed = { Wait-KumoiVM kvm01-1 -Address -ErrorAction Stop } | Should -Throw "'kvm01-1' has no network adapter." -PassThru
    $failed.ErrorDetails.RecommendedAction | Should -BeLike '*Add-KumoiNetworkAdapter*'
    Stop-KumoiVM web -TurnOff
    { Wait-KumoiVM web -Agent -ErrorAction Stop } | Should -Throw "'web' is Shutoff: it has no agent before it is started."
    { Wait-KumoiVM web -Address -Agent -ErrorAction Stop } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
  }

  It 'asks a host that fails again, and says in the end that nothing is known' {
    New-KumoiVM -VMHost kvm01 -Name web -MemoryBytes 64MB -Start | Out-Null
    $web = Get-KumoiVM web
    Add-KumoiFault kvm01 ReadAdapters -FaultDomain Host -Count 1 | Out-Null
    ($web | Wait-KumoiVM -Address).Addresses | Should -Be 192.168.122.2
    Add-KumoiFault kvm01 Read -FaultDomain Host | Out-Null
    $failed = { $web | Wait-KumoiVM -Address -TimeoutSec 0 -ErrorAction Stop } | Should -Throw "It is not known after 0 s whether 'web' has an address:*" -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike TimedOut*
  }

  It 'ends at once on Ctrl+C' {
    New-KumoiVM -VMHost kvm01 -Name web -MemoryBytes 64MB -Start | Suspend-KumoiVM
    Stop-When 'Wait-KumoiVM web -Agent -TimeoutSec 86400 -Verbose' { param($shell) $shell.InvocationStateInfo.State -eq 'Running' }
  }
}

Describe 'A fault of one call' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'hits that call, and no other of its group' {
    Add-KumoiFault kvm01 suspendvm | Out-Null
    { Suspend-KumoiVM kvm01-1 -ErrorAction Stop } | Should -Throw 'injected fault'
    Stop-KumoiVM kvm01-1 -TurnOff
    (Get-KumoiFault).Hits | Should -Be 1
  }

  It 'hits a phase of a speculative move, which goes to the other target' {
    Add-KumoiFault kvm02 FinishMigration | Out-Null
    Move-KumoiVM kvm01-1 kvm02, kvm03 -Speculative -Replicas 2
    (Get-KumoiVM kvm01-1).VMHost | Should -Be kvm03
  }

  It 'is refused under a name that no call has' {
    { Add-KumoiFault kvm01 Reed } | Should -Throw "*'Reed' is not an operation*ReadHost*"
  }
}
