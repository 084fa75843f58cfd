@{
  RootModule           = 'bin/Kumoi.PowerShell.dll'
  ModuleVersion        = '0.1.0'
  GUID                 = '6f0f3f4e-5c0e-4f0b-9c5e-3a1f7a1d7c11'
  Author               = 'Kumoi contributors'
  Copyright            = '(c) 2026 Kumoi contributors. MIT License.'
  Description          = 'KVM/QEMU hosts through libvirt: scripts that keep their promise when hosts fail underneath them.'
  PowerShellVersion    = '7.6'
  CompatiblePSEditions = @('Core')
  FormatsToProcess     = @('Kumoi.Format.ps1xml')
  CmdletsToExport      = 'Add-KumoiDisk',
    'Add-KumoiFault', 'Add-KumoiNetworkAdapter',
    'Checkpoint-KumoiVM',
    'Clear-KumoiFault',
    'Connect-KumoiHost',
    'Copy-KumoiVM', 'Copy-KumoiVolume',
    'Disconnect-KumoiHost',
    'Export-KumoiVM', 'Export-KumoiVolume',
    'Find-KumoiConflict',
    'Find-KumoiPlacement',
    'Get-KumoiAgent',
    'Get-KumoiConnection',
    'Get-KumoiDhcpLease',
    'Get-KumoiDisk',
    'Get-KumoiEvent',
    'Get-KumoiFault',
    'Get-KumoiFtPair',
    'Get-KumoiHost',
    'Get-KumoiLineage', 'Get-KumoiNetwork', 'Get-KumoiNetworkAdapter', 'Get-KumoiNetworkFilter',
    'Get-KumoiOperation',
    'Get-KumoiPool',
    'Get-KumoiScaling',
    'Get-KumoiSnapshot',
    'Get-KumoiTask', 'Get-KumoiTemplate',
    'Get-KumoiVM', 'Get-KumoiVMScreenshot', 'Get-KumoiVolume',
    'Import-KumoiVM', 'Import-KumoiVolume',
    'Invoke-KumoiAction',
    'Invoke-KumoiBalance',
    'Measure-KumoiHostReliability',
    'Measure-KumoiPolicy',
    'Measure-KumoiUsage',
    'Move-KumoiVM', 'Move-KumoiVMStorage',
    'New-KumoiNetwork',
    'New-KumoiPool', 'New-KumoiTemplate',
    'New-KumoiVM',
    'New-KumoiVolume',
    'Optimize-KumoiPlacement',
    'Remove-KumoiDisk', 'Remove-KumoiNetwork', 'Remove-KumoiNetworkAdapter',
    'Remove-KumoiPool',
    'Remove-KumoiSnapshot', 'Remove-KumoiTemplate',
    'Remove-KumoiVM',
    'Remove-KumoiVolume',
    'Rename-KumoiSnapshot',
    'Rename-KumoiVM',
    'Repair-KumoiOperation',
    'Resize-KumoiDisk',
    'Resize-KumoiVolume',
    'Restart-KumoiVM',
    'Restore-KumoiSnapshot',
    'Restore-KumoiVM',
    'Resume-KumoiHost',
    'Resume-KumoiVM',
    'Save-KumoiVM',
    'Select-KumoiHost',
    'Select-KumoiVM', 'Set-KumoiCdDrive', 'Set-KumoiDisk', 'Set-KumoiNetwork', 'Set-KumoiNetworkAdapter', 'Set-KumoiPool', 'Set-KumoiVM',
    'Start-KumoiAgent',
    'Start-KumoiFtPair',
    'Start-KumoiNetwork',
    'Start-KumoiPool',
    'Start-KumoiScaling',
    'Start-KumoiVM',
    'Stop-KumoiAgent',
    'Stop-KumoiFleet',
    'Stop-KumoiFtPair',
    'Stop-KumoiNetwork',
    'Stop-KumoiPool',
    'Stop-KumoiScaling',
    'Stop-KumoiTask',
    'Stop-KumoiUsage',
    'Stop-KumoiVM',
    'Suspend-KumoiHost',
    'Suspend-KumoiVM',
    'Switch-KumoiFtPair',
    'Test-KumoiFtPair',
    'Test-KumoiMigration',
    'Update-KumoiHost',
    'Update-KumoiPool',
    'Wait-KumoiTask',
    'Wait-KumoiVM',
    'Watch-KumoiEvent'
  FunctionsToExport    = @()
  AliasesToExport      = @()
  VariablesToExport    = @()
  PrivateData          = @{
    PSData = @{
      Tags       = @('libvirt', 'KVM', 'QEMU', 'virtualization', 'PSEdition_Core', 'Linux', 'MacOS', 'Windows')
      LicenseUri = 'https://opensource.org/license/mit'
    }
  }
}
