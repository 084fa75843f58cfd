# What each cmdlet for VMs, snapshots, storage, networks and tasks says to what does not exist, is in use, is too small, is on another host,
# or belongs to another VM: one error with an id and advice, nothing changed, nothing left. A cmdlet without a row fails; so does a kind that
# is neither tried nor left out with a reason.
BeforeDiscovery {
  Import-Module $env:KUMOI_MODULE
  $nouns = 'KumoiVM', 'KumoiTemplate', 'KumoiSnapshot', 'KumoiPool', 'KumoiVolume', 'KumoiDisk', 'KumoiCdDrive', 'KumoiVMStorage', 'KumoiNetwork', 'KumoiDhcpLease',
    'KumoiNetworkAdapter', 'KumoiNetworkFilter', 'KumoiTask'
  $cmdlets = (Get-Module Kumoi).ExportedCmdlets.Values | Where-Object { ($_.Noun -in $nouns) -and $_.Name -ne 'Restore-KumoiVM' } | ForEach-Object Name | Sort-Object
  $kinds = 'missing', 'inUse', 'tooSmall', 'otherHost', 'otherVM'

  $reads = 'it only reads'
  $noSize = 'it takes no size'
  $whole = 'it takes a VM as a whole, and nothing of one'
  $noVM = 'it has nothing to do with VMs'
  $anyNetwork = 'simulated hosts have each network that is named; the lab tests it: AdapterTests'
  $anyState = 'it does with a VM in use what it does with any'
  $rows = @{
    'Add-KumoiDisk' = @{
      missing = { Add-KumoiDisk nobody -SizeBytes 1GB }, 'NotFound'; inUse = { Add-KumoiDisk kvm01-2 -SizeBytes 1GB -VolumeName held }, 'StorageFailed'
      tooSmall = { Add-KumoiDisk kvm01-1 -SizeBytes 2TB }, 'StorageFailed'; otherHost = { Add-KumoiDisk kvm01-1 -VMHost kvm02 -SizeBytes 1GB }, 'NotFound'
      otherVM = { Add-KumoiDisk kvm01-2 -Path /var/lib/libvirt/images/held }, 'InvalidState'
    }
    'Add-KumoiNetworkAdapter' = @{
      missing = { Add-KumoiNetworkAdapter nobody default }, 'NotFound'; inUse = $anyNetwork; tooSmall = $noSize
      otherHost = { Add-KumoiNetworkAdapter kvm01-2 lan -VMHost kvm02 }, 'NotFound'; otherVM = { Add-KumoiNetworkAdapter kvm01-2 lan -MacAddress 52:54:00:00:00:01 }, 'InvalidState'
    }
    'Checkpoint-KumoiVM' = @{
      missing = { Checkpoint-KumoiVM nobody }, 'NotFound'; inUse = { Checkpoint-KumoiVM kvm01-2 base }, 'SnapshotExists'; tooSmall = $noSize
      otherHost = { Checkpoint-KumoiVM kvm01-2 -VMHost kvm02 }, 'NotFound'; otherVM = $whole
    }
    'Copy-KumoiVM' = @{
      missing = { Copy-KumoiVM nobody new }, 'NotFound'; inUse = { Copy-KumoiVM kvm01-1 new }, 'InvalidState'; tooSmall = $noSize
      otherHost = { Copy-KumoiVM kvm01-2 new -VMHost kvm02 }, 'NotFound'; otherVM = { Copy-KumoiVM kvm01-2 kvm01-1 }, 'VMExists'
    }
    'Copy-KumoiVolume' = @{
      missing = { Copy-KumoiVolume none new -VMHost kvm01 }, 'NotFound'; inUse = { Copy-KumoiVolume held new -VMHost kvm01 }, 'InvalidState'
      tooSmall = { Copy-KumoiVolume half more -VMHost kvm01 }, 'StorageFailed'; otherHost = { Copy-KumoiVolume other new -VMHost kvm01 }, 'NotFound'
      otherVM = { Copy-KumoiVolume data held -VMHost kvm01 }, 'StorageFailed'
    }
    'Export-KumoiVM' = @{
      missing = { Export-KumoiVM nobody "$TestDrive" }, 'NotFound'; inUse = { Export-KumoiVM kvm01-1 "$TestDrive" }, 'InvalidState'; tooSmall = $noSize
      otherHost = { Export-KumoiVM kvm01-2 "$TestDrive" -VMHost kvm02 }, 'NotFound'; otherVM = $whole
    }
    'Export-KumoiVolume' = @{
      missing = { Export-KumoiVolume none "$TestDrive/x" -VMHost kvm01 }, 'NotFound'; inUse = { Export-KumoiVolume held "$TestDrive/x" -VMHost kvm01 }, 'InvalidState'; tooSmall = $noSize
      otherHost = { Export-KumoiVolume other "$TestDrive/x" -VMHost kvm01 }, 'NotFound'; otherVM = 'a volume is a volume, whoever uses it: see what is in use'
    }
    'Get-KumoiDhcpLease' = @{
      missing = { Get-KumoiDhcpLease nowhere -VMHost kvm01 }, 'NotFound'; inUse = { Get-KumoiDhcpLease quiet -VMHost kvm01 }, 'ResourceUnavailable'; tooSmall = $reads
      otherHost = { Get-KumoiDhcpLease lan -VMHost kvm02 }, 'NotFound'; otherVM = $noVM
    }
    'Get-KumoiDisk' = @{
      missing = { Get-KumoiDisk nobody }, 'NotFound'; inUse = $reads; tooSmall = $reads; otherHost = { Get-KumoiDisk kvm01-1 -VMHost kvm02 }, 'NotFound'
      otherVM = { Get-KumoiDisk kvm02-2 vda }, 'NotFound'
    }
    'Get-KumoiNetwork' = @{ missing = { Get-KumoiNetwork nowhere }, 'NotFound'; inUse = $reads; tooSmall = $reads; otherHost = { Get-KumoiNetwork lan -VMHost kvm02 }, 'NotFound'; otherVM = $noVM }
    'Get-KumoiNetworkAdapter' = @{
      missing = { Get-KumoiNetworkAdapter nobody }, 'NotFound'; inUse = $reads; tooSmall = $reads; otherHost = { Get-KumoiNetworkAdapter kvm01-1 -VMHost kvm02 }, 'NotFound'
      otherVM = { Get-KumoiNetworkAdapter kvm01-2 52:54:00:00:00:01 }, 'NotFound'
    }
    'Get-KumoiNetworkFilter' = @{
      missing = { Get-KumoiNetworkFilter none -VMHost kvm01 }, 'NotFound'; inUse = $reads; tooSmall = $reads; otherHost = 'hosts have the same ones'; otherVM = $noVM
    }
    'Get-KumoiPool' = @{ missing = { Get-KumoiPool none }, 'NotFound'; inUse = $reads; tooSmall = $reads; otherHost = { Get-KumoiPool fast -VMHost kvm02 }, 'NotFound'; otherVM = $noVM }
    'Get-KumoiSnapshot' = @{
      missing = { Get-KumoiSnapshot kvm01-2 none }, 'NotFound'; inUse = $reads; tooSmall = $reads; otherHost = { Get-KumoiSnapshot kvm01-2 -VMHost kvm02 }, 'NotFound'
      otherVM = { Get-KumoiSnapshot kvm01-2 theirs }, 'NotFound'
    }
    'Get-KumoiTask' = @{ missing = { Get-KumoiTask -Id 999999 }, 'NotFound'; inUse = $reads; tooSmall = $reads; otherHost = $noVM; otherVM = $noVM }
    'Get-KumoiTemplate' = @{ missing = { Get-KumoiTemplate none }, 'NotFound'; inUse = $reads; tooSmall = $reads; otherHost = { Get-KumoiTemplate golden -VMHost kvm01 }, 'NotFound'; otherVM = $noVM }
    'Get-KumoiVM' = @{ missing = { Get-KumoiVM nobody }, 'NotFound'; inUse = $reads; tooSmall = $reads; otherHost = { Get-KumoiVM kvm01-1 -VMHost kvm02 }, 'NotFound'; otherVM = $whole }
    'Get-KumoiVolume' = @{ missing = { Get-KumoiVolume none }, 'NotFound'; inUse = $reads; tooSmall = $reads; otherHost = { Get-KumoiVolume other -VMHost kvm01 }, 'NotFound'; otherVM = $noVM }
    'Import-KumoiVM' = @{
      missing = { Import-KumoiVM "$TestDrive/none" kvm01 }, 'InvalidSpecification'; inUse = { Import-KumoiVM "$TestDrive/exported" kvm03 }, 'VMExists'
      tooSmall = { Import-KumoiVM "$TestDrive/exported" kvm01 -StoragePool full }, 'StorageFailed'
      otherHost = { Import-KumoiVM "$TestDrive/exported" kvm02 -StoragePool fast }, 'StorageFailed'; otherVM = { Import-KumoiVM "$TestDrive/exported" kvm01 -KeepIdentity }, 'VMExists'
    }
    'Import-KumoiVolume' = @{
      missing = { Import-KumoiVolume "$TestDrive/none" -VMHost kvm01 }, 'InvalidSpecification'; inUse = { Import-KumoiVolume "$TestDrive/disk.img" held -VMHost kvm01 }, 'StorageFailed'
      tooSmall = { Import-KumoiVolume "$TestDrive/disk.img" new -VMHost kvm01 -StoragePool full }, 'StorageFailed'
      otherHost = { Import-KumoiVolume "$TestDrive/disk.img" -VMHost kvm02 -StoragePool fast }, 'StorageFailed'; otherVM = $noVM
    }
    'Move-KumoiVM' = @{
      missing = { Move-KumoiVM nobody kvm02 }, 'NotFound'; inUse = { Move-KumoiVM kvm01-2 kvm02 -WithStorage }, 'InvalidState'; tooSmall = $noSize
      otherHost = { Move-KumoiVM kvm01-1 kvm02 -WithStorage -TargetPool fast -AllowUnencrypted }, 'StorageFailed'; otherVM = $whole
    }
    'Move-KumoiVMStorage' = @{
      missing = { Move-KumoiVMStorage kvm01-1 fast -Target vdz }, 'DiskNotFound'; inUse = { Move-KumoiVMStorage kvm01-2 fast }, 'InvalidState'
      tooSmall = { Move-KumoiVMStorage kvm01-1 full }, 'StorageFailed'; otherHost = { Move-KumoiVMStorage kvm02-1 fast }, 'StorageFailed'
      otherVM = { Move-KumoiVMStorage kvm03-1 default -Target vda }, 'DiskNotFound'
    }
    'New-KumoiNetwork' = @{
      missing = { New-KumoiNetwork new 10.9.0.0/24 -VMHost kvm09 }, 'NotFound'; inUse = { New-KumoiNetwork lan 10.9.0.0/24 -VMHost kvm01 }, 'NetworkClash'
      tooSmall = { New-KumoiNetwork new 10.9.0.0/31 -VMHost kvm01 }, 'InvalidSpecification'; otherHost = 'it is made where it is said'; otherVM = $noVM
    }
    'New-KumoiPool' = @{
      missing = { New-KumoiPool new /srv/new -VMHost kvm09 }, 'NotFound'; inUse = { New-KumoiPool fast /srv/new -VMHost kvm01 }, 'StorageFailed'; tooSmall = $noSize
      otherHost = 'it is made where it is said'; otherVM = $noVM
    }
    'New-KumoiTemplate' = @{
      missing = { New-KumoiTemplate nobody new }, 'NotFound'; inUse = { New-KumoiTemplate kvm01-1 new }, 'InvalidState'; tooSmall = $noSize
      otherHost = { New-KumoiTemplate kvm01-2 new -VMHost kvm02 }, 'NotFound'; otherVM = { New-KumoiTemplate exported kvm03-1 }, 'VMExists'
    }
    'New-KumoiVM' = @{
      missing = { New-KumoiVM new -VMHost kvm01 -Template none }, 'VMNotFound'; inUse = { New-KumoiVM kvm01-1 -VMHost kvm01 }, 'VMExists'
      tooSmall = { New-KumoiVM new -VMHost kvm01 -NewDiskBytes 2TB }, 'StorageFailed'; otherHost = { New-KumoiVM new -VMHost kvm01 -Template golden -Linked }, 'VMNotFound'
      otherVM = { New-KumoiVM -VMHost kvm01 -Xml (Get-KumoiVM kvm01-2 -Raw).Xml.Replace('<name>kvm01-2<', '<name>new<') }, 'VMExists'
    }
    'New-KumoiVolume' = @{
      missing = { New-KumoiVolume new -VMHost kvm01 -SizeBytes 1GB -StoragePool none }, 'StorageFailed'; inUse = { New-KumoiVolume held -VMHost kvm01 -SizeBytes 1GB }, 'StorageFailed'
      tooSmall = { New-KumoiVolume new -VMHost kvm01 -SizeBytes 2TB }, 'StorageFailed'; otherHost = { New-KumoiVolume new -VMHost kvm02 -SizeBytes 1GB -StoragePool fast }, 'StorageFailed'; otherVM = $noVM
    }
    'Remove-KumoiDisk' = @{
      missing = { Remove-KumoiDisk kvm01-1 vdz -Confirm:$false }, 'NotFound'; inUse = { $old | Remove-KumoiDisk -Confirm:$false }, 'InvalidState'; tooSmall = $noSize
      otherHost = { Remove-KumoiDisk kvm01-1 vda -VMHost kvm02 -Confirm:$false }, 'NotFound'; otherVM = { Remove-KumoiDisk kvm02-2 vda -Confirm:$false }, 'NotFound'
    }
    'Remove-KumoiNetwork' = @{
      missing = { Remove-KumoiNetwork nowhere -VMHost kvm01 -Confirm:$false }, 'NotFound'; inUse = { Remove-KumoiNetwork lan -VMHost kvm01 -Confirm:$false }, 'InvalidState'; tooSmall = $noSize
      otherHost = { Remove-KumoiNetwork lan -VMHost kvm02 -Confirm:$false }, 'NotFound'; otherVM = $noVM
    }
    'Remove-KumoiNetworkAdapter' = @{
      missing = { Remove-KumoiNetworkAdapter kvm01-1 52:54:00:00:00:99 -Confirm:$false }, 'NotFound'; inUse = $anyState; tooSmall = $noSize
      otherHost = { Remove-KumoiNetworkAdapter kvm01-1 52:54:00:00:00:01 -VMHost kvm02 -Confirm:$false }, 'NotFound'
      otherVM = { Remove-KumoiNetworkAdapter kvm01-2 52:54:00:00:00:01 -Confirm:$false }, 'NotFound'
    }
    'Remove-KumoiPool' = @{
      missing = { Remove-KumoiPool none -VMHost kvm01 -Confirm:$false }, 'NotFound'; inUse = { Remove-KumoiPool default -VMHost kvm01 -Confirm:$false }, 'InvalidState'; tooSmall = $noSize
      otherHost = { Remove-KumoiPool fast -VMHost kvm02 -Confirm:$false }, 'NotFound'; otherVM = $noVM
    }
    'Remove-KumoiSnapshot' = @{
      missing = { Remove-KumoiSnapshot kvm01-2 none -Confirm:$false }, 'NotFound'; inUse = $anyState; tooSmall = $noSize
      otherHost = { Remove-KumoiSnapshot kvm01-2 base -VMHost kvm02 -Confirm:$false }, 'NotFound'; otherVM = { Remove-KumoiSnapshot kvm01-2 theirs -Confirm:$false }, 'NotFound'
    }
    'Remove-KumoiTemplate' = @{
      missing = { Remove-KumoiTemplate none -Confirm:$false }, 'NotFound'; inUse = { Remove-KumoiTemplate golden -RemoveDisk -Confirm:$false }, 'InvalidState'; tooSmall = $noSize
      otherHost = { Remove-KumoiTemplate golden -VMHost kvm01 -Confirm:$false }, 'NotFound'; otherVM = { Remove-KumoiTemplate kvm02-2 -Confirm:$false }, 'NotFound'
    }
    'Remove-KumoiVM' = @{
      missing = { Remove-KumoiVM nobody -Confirm:$false }, 'NotFound'; inUse = { Remove-KumoiVM kvm01-1 -Confirm:$false }, 'InvalidState'; tooSmall = $noSize
      otherHost = { Remove-KumoiVM kvm01-2 -VMHost kvm02 -Confirm:$false }, 'NotFound'; otherVM = $whole
    }
    'Remove-KumoiVolume' = @{
      missing = { Remove-KumoiVolume none -VMHost kvm01 -Confirm:$false }, 'NotFound'; inUse = { Remove-KumoiVolume held -VMHost kvm01 -Confirm:$false }, 'InvalidState'; tooSmall = $noSize
      otherHost = { Remove-KumoiVolume other -VMHost kvm01 -Confirm:$false }, 'NotFound'; otherVM = 'a volume of another VM is one in use'
    }
    'Rename-KumoiSnapshot' = @{
      missing = { Rename-KumoiSnapshot kvm01-2 none new }, 'NotFound'; inUse = { Rename-KumoiSnapshot kvm02-2 theirs too }, 'NotSupported'; tooSmall = $noSize
      otherHost = { Rename-KumoiSnapshot kvm01-2 base new -VMHost kvm02 }, 'NotFound'; otherVM = { Rename-KumoiSnapshot kvm01-2 theirs new }, 'NotFound'
    }
    'Rename-KumoiVM' = @{
      missing = { Rename-KumoiVM nobody new }, 'NotFound'; inUse = { Rename-KumoiVM kvm01-1 new }, 'InvalidState'; tooSmall = $noSize
      otherHost = { Rename-KumoiVM kvm01-2 new -VMHost kvm02 }, 'NotFound'; otherVM = { Rename-KumoiVM exported kvm03-1 }, 'VMExists'
    }
    'Resize-KumoiDisk' = @{
      missing = { Resize-KumoiDisk kvm01-1 vdz -SizeBytes 4GB }, 'NotFound'; inUse = $anyState
      tooSmall = { Resize-KumoiDisk kvm01-1 vda -SizeBytes 1GB }, 'InvalidSpecification'; otherHost = { Resize-KumoiDisk kvm01-1 vda -SizeBytes 4GB -VMHost kvm02 }, 'NotFound'
      otherVM = { Resize-KumoiDisk kvm02-2 vda -SizeBytes 4GB }, 'NotFound'
    }
    'Resize-KumoiVolume' = @{
      missing = { Resize-KumoiVolume none -VMHost kvm01 -SizeBytes 4GB }, 'NotFound'; inUse = { Resize-KumoiVolume held -VMHost kvm01 -SizeBytes 4GB }, 'InvalidState'
      tooSmall = { Resize-KumoiVolume data -VMHost kvm01 -SizeBytes 1MB }, 'InvalidSpecification'; otherHost = { Resize-KumoiVolume other -VMHost kvm01 -SizeBytes 4GB }, 'NotFound'
      otherVM = 'a volume of another VM is one in use'
    }
    'Restart-KumoiVM' = @{
      missing = { Restart-KumoiVM nobody }, 'NotFound'; inUse = { Restart-KumoiVM kvm01-2 }, 'InvalidState'; tooSmall = $noSize; otherHost = { Restart-KumoiVM kvm01-1 -VMHost kvm02 }, 'NotFound'; otherVM = $whole
    }
    'Restore-KumoiSnapshot' = @{
      missing = { Restore-KumoiSnapshot kvm01-2 none -Confirm:$false }, 'NotFound'; inUse = $anyState; tooSmall = $noSize
      otherHost = { Restore-KumoiSnapshot kvm01-2 base -VMHost kvm02 -Confirm:$false }, 'NotFound'; otherVM = { Restore-KumoiSnapshot kvm01-2 theirs -Confirm:$false }, 'NotFound'
    }
    'Resume-KumoiVM' = @{
      missing = { Resume-KumoiVM nobody }, 'NotFound'; inUse = { Resume-KumoiVM kvm01-2 }, 'InvalidState'; tooSmall = $noSize; otherHost = { Resume-KumoiVM kvm01-1 -VMHost kvm02 }, 'NotFound'; otherVM = $whole
    }
    'Save-KumoiVM' = @{
      missing = { Save-KumoiVM nobody }, 'NotFound'; inUse = { Save-KumoiVM kvm01-2 }, 'InvalidState'; tooSmall = $noSize; otherHost = { Save-KumoiVM kvm01-1 -VMHost kvm02 }, 'NotFound'; otherVM = $whole
    }
    'Select-KumoiVM' = @{ missing = 'it takes what comes by the pipeline'; inUse = $reads; tooSmall = $reads; otherHost = $reads; otherVM = $whole }
    'Set-KumoiCdDrive' = @{
      missing = { Set-KumoiCdDrive kvm01-2 -Path /iso/x.iso }, 'DiskNotFound'; inUse = { Set-KumoiCdDrive kvm01-1 -Path /iso/x.iso -Target vda }, 'DiskNotFound'; tooSmall = $noSize
      otherHost = { Set-KumoiCdDrive kvm01-1 -Eject -VMHost kvm02 }, 'NotFound'; otherVM = { Set-KumoiCdDrive kvm02-2 -Eject -Target vda }, 'DiskNotFound'
    }
    'Set-KumoiDisk' = @{
      missing = { Set-KumoiDisk kvm01-1 vdz -BytesPerSecond 1MB }, 'NotFound'; inUse = $anyState; tooSmall = { Set-KumoiDisk kvm01-1 vda -BytesPerSecond -1 }, 'ParameterArgumentValidationError'
      otherHost = { Set-KumoiDisk kvm01-1 vda -BytesPerSecond 1MB -VMHost kvm02 }, 'NotFound'; otherVM = { Set-KumoiDisk kvm02-2 vda -BytesPerSecond 1MB }, 'NotFound'
    }
    'Set-KumoiNetwork' = @{ missing = { Set-KumoiNetwork nowhere -AutoStart -VMHost kvm01 }, 'NotFound'; inUse = $anyState; tooSmall = $noSize; otherHost = { Set-KumoiNetwork lan -AutoStart -VMHost kvm02 }, 'NotFound'; otherVM = $noVM }
    'Set-KumoiNetworkAdapter' = @{
      missing = { Set-KumoiNetworkAdapter kvm01-1 52:54:00:00:00:99 -NetworkName lan }, 'NotFound'; inUse = $anyNetwork
      tooSmall = { Set-KumoiNetworkAdapter kvm01-1 52:54:00:00:00:01 -InboundKiBPerSec -1 }, 'ParameterArgumentValidationError'
      otherHost = { Set-KumoiNetworkAdapter kvm01-1 52:54:00:00:00:01 -NetworkName lan -VMHost kvm02 }, 'NotFound'; otherVM = { Set-KumoiNetworkAdapter kvm01-2 52:54:00:00:00:01 -Connected $false }, 'NotFound'
    }
    'Set-KumoiPool' = @{ missing = { Set-KumoiPool none -AutoStart -VMHost kvm01 }, 'NotFound'; inUse = $anyState; tooSmall = $noSize; otherHost = { Set-KumoiPool fast -AutoStart -VMHost kvm02 }, 'NotFound'; otherVM = $noVM }
    'Set-KumoiVM' = @{
      missing = { Set-KumoiVM nobody -AutoStart }, 'NotFound'; inUse = { Set-KumoiVM kvm01-1 -CpuCount 99 }, 'InvalidSpecification'
      tooSmall = { Set-KumoiVM kvm01-2 -MemoryBytes 4GB -MaxMemoryBytes 1GB }, 'InvalidSpecification'; otherHost = { Set-KumoiVM kvm01-1 -AutoStart -VMHost kvm02 }, 'NotFound'
      otherVM = { Set-KumoiVM kvm01-2 -Xml (Get-KumoiVM kvm01-1 -Raw).Xml }, 'InvalidSpecification'
    }
    'Start-KumoiNetwork' = @{ missing = { Start-KumoiNetwork nowhere -VMHost kvm01 }, 'NotFound'; inUse = 'one that is active is fine'; tooSmall = $noSize; otherHost = { Start-KumoiNetwork quiet -VMHost kvm02 }, 'NotFound'; otherVM = $noVM }
    'Start-KumoiPool' = @{ missing = { Start-KumoiPool none -VMHost kvm01 }, 'NotFound'; inUse = 'one that is active is fine'; tooSmall = $noSize; otherHost = { Start-KumoiPool idle -VMHost kvm02 }, 'NotFound'; otherVM = $noVM }
    'Start-KumoiVM' = @{ missing = { Start-KumoiVM nobody }, 'NotFound'; inUse = 'one that runs is fine'; tooSmall = $noSize; otherHost = { Start-KumoiVM kvm01-2 -VMHost kvm02 }, 'NotFound'; otherVM = $whole }
    'Stop-KumoiNetwork' = @{ missing = { Stop-KumoiNetwork nowhere -VMHost kvm01 }, 'NotFound'; inUse = { Stop-KumoiNetwork lan -VMHost kvm01 }, 'InvalidState'; tooSmall = $noSize; otherHost = { Stop-KumoiNetwork lan -VMHost kvm02 }, 'NotFound'; otherVM = $noVM }
    'Stop-KumoiPool' = @{ missing = { Stop-KumoiPool none -VMHost kvm01 }, 'NotFound'; inUse = { Stop-KumoiPool default -VMHost kvm01 }, 'InvalidState'; tooSmall = $noSize; otherHost = { Stop-KumoiPool fast -VMHost kvm02 }, 'NotFound'; otherVM = $noVM }
    'Stop-KumoiTask' = @{ missing = { Stop-KumoiTask -Id 999999 }, 'NotFound'; inUse = $anyState; tooSmall = $noSize; otherHost = $noVM; otherVM = $noVM }
    'Stop-KumoiVM' = @{ missing = { Stop-KumoiVM nobody }, 'NotFound'; inUse = $anyState; tooSmall = $noSize; otherHost = { Stop-KumoiVM kvm01-1 -VMHost kvm02 }, 'NotFound'; otherVM = $whole }
    'Suspend-KumoiVM' = @{ missing = { Suspend-KumoiVM nobody }, 'NotFound'; inUse = { Suspend-KumoiVM kvm01-2 }, 'InvalidState'; tooSmall = $noSize; otherHost = { Suspend-KumoiVM kvm01-1 -VMHost kvm02 }, 'NotFound'; otherVM = $whole }
    'Update-KumoiPool' = @{ missing = { Update-KumoiPool none -VMHost kvm01 }, 'NotFound'; inUse = { Update-KumoiPool idle -VMHost kvm01 }, 'StorageFailed'; tooSmall = $noSize; otherHost = { Update-KumoiPool fast -VMHost kvm02 }, 'NotFound'; otherVM = $noVM }
    'Wait-KumoiTask' = @{ missing = { Wait-KumoiTask -Id 999999 }, 'NotFound'; inUse = $reads; tooSmall = $reads; otherHost = $noVM; otherVM = $noVM }
    'Wait-KumoiVM' = @{ missing = { Wait-KumoiVM nobody }, 'NotFound'; inUse = $reads; tooSmall = $reads; otherHost = { Wait-KumoiVM kvm01-1 -VMHost kvm02 }, 'NotFound'; otherVM = $whole }
  }
  $all = foreach ($name in $cmdlets) { @{ name = $name; row = $rows[$name] } }
  $tried = foreach ($name in $cmdlets) {
    foreach ($kind in $kinds) {
      $given = if ($rows[$name]) { $rows[$name][$kind] }
      if ($given -is [array]) { @{ name = $name; kind = $kind; call = $given[0]; id = $given[1] } }
    }
  }
}

Describe 'Bad input' {
  BeforeAll {
    . $PSScriptRoot/Fleet.ps1
    $script:ProgressPreference = 'SilentlyContinue'
    Get-Job | Remove-Job -Force
    Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7'
    New-KumoiPool fast /srv/fast -VMHost kvm01 | Out-Null
    New-KumoiPool full /srv/full -VMHost kvm01 | Out-Null
    New-KumoiVolume most -VMHost kvm01 -StoragePool full -SizeBytes (1TB - 1) | Out-Null
    New-KumoiPool idle /srv/idle -VMHost kvm01 -NoStart | Out-Null
    New-KumoiNetwork lan 10.5.0.0/24 -VMHost kvm01 | Out-Null
    New-KumoiNetwork quiet 10.6.0.0/24 -VMHost kvm01 -NoStart -NoAutoStart | Out-Null
    New-KumoiVolume data -VMHost kvm01 -SizeBytes 2GB | Out-Null
    New-KumoiVolume half -VMHost kvm01 -SizeBytes 600GB | Out-Null
    New-KumoiVolume other -VMHost kvm02 -SizeBytes 2GB | Out-Null
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB
    $script:old = Get-KumoiDisk kvm01-1 # another is in its place by now
    $old | Remove-KumoiDisk -DeleteVolume -Confirm:$false
    Add-KumoiDisk kvm01-1 -SizeBytes 2GB -VolumeName held
    Add-KumoiDisk kvm01-2 -SizeBytes 2GB
    Add-KumoiDisk kvm02-1 -SizeBytes 2GB
    Add-KumoiNetworkAdapter kvm01-1 lan -MacAddress 52:54:00:00:00:01
    Add-KumoiNetworkAdapter kvm01-2 lan -MacAddress 52:54:00:00:00:02
    Add-KumoiNetworkAdapter kvm02-1 default -MacAddress 52:54:00:00:00:03
    Checkpoint-KumoiVM kvm01-2 base
    Checkpoint-KumoiVM kvm01-2 later
    Checkpoint-KumoiVM kvm02-2 theirs
    Checkpoint-KumoiVM kvm02-2 too
    New-KumoiVM master -VMHost kvm02 -NewDiskBytes 1GB | Out-Null
    New-KumoiTemplate master golden | Out-Null
    New-KumoiVM child -VMHost kvm02 -Template golden -Linked | Out-Null
    [System.IO.File]::WriteAllBytes("$TestDrive/disk.img", [byte[]]::new(1MB))
    $image = Import-KumoiVolume "$TestDrive/disk.img" exported-1 -VMHost kvm03
    New-KumoiVM exported -VMHost kvm03 -DiskPath $image.Path -DiskFormat raw | Out-Null
    Export-KumoiVM exported "$TestDrive" | Out-Null

    function Get-Trace {
      Get-KumoiVM -Raw | ForEach-Object { "$($_.VMHost) $($_.Name) $($_.State) $($_.IsAutostart) $($_.Xml)" }
      Get-KumoiVolume -WarningAction SilentlyContinue -ErrorAction SilentlyContinue | ForEach-Object { "$($_.VMHost) $($_.StoragePool) $($_.Name) $($_.CapacityBytes)" }
      Get-KumoiPool | ForEach-Object { "$($_.VMHost) $($_.Name) $($_.IsActive) $($_.IsAutostart)" }
      Get-KumoiNetwork | ForEach-Object { "$($_.VMHost) $($_.Name) $($_.IsActive) $($_.IsAutostart)" }
      Get-KumoiVM | Get-KumoiSnapshot | ForEach-Object { "$($_.VM) $($_.Name)" }
      Get-KumoiTemplate | ForEach-Object { "$($_.VMHost) $($_.Name)" }
      Get-ChildItem $TestDrive -Recurse -Force | ForEach-Object { "$_ $($_.Length)" }
      Get-Job | ForEach-Object Name
      Get-KumoiOperation -Unfinished | ForEach-Object { "$_" }
    }
    $script:trace = Get-Trace
  }

  It '<name> has a row, with each kind' -ForEach $all {
    $row | Should -Not -BeNullOrEmpty
    foreach ($kind in 'missing', 'inUse', 'tooSmall', 'otherHost', 'otherVM') { $row[$kind] | Should -Not -BeNullOrEmpty -Because "$name says what it does with '$kind', or why that does not apply" }
  }

  It '<name>, <kind>: one error <id>, and nothing else' -ForEach $tried {
    $given = @(try { & $call 2>&1 3>$null } catch { $_ })
    $before, $script:trace = $trace, (Get-Trace)
    (Compare-Object $before $trace).InputObject | ForEach-Object { $_ -replace '\s+', ' ' } | Should -BeNullOrEmpty -Because "'$call' gave: $($given -join '; ')"
    $given | Should -HaveCount 1 -Because "'$call' gave: $($given -join '; ')"
    $given[0] | Should -BeOfType System.Management.Automation.ErrorRecord
    $given[0].FullyQualifiedErrorId | Should -BeLike "$id,*" -Because "'$call' gave: $($given[0])"
    if ($id -ne 'ParameterArgumentValidationError') { $given[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty }
  }
}
