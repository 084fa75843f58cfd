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
  CmdletsToExport      = @(
    'Add-KumoiFault'
    'Clear-KumoiFault'
    'Connect-KumoiHost'
    'Disconnect-KumoiHost'
    'Find-KumoiConflict'
    'Find-KumoiPlacement'
    'Get-KumoiAgent'
    'Get-KumoiConnection'
    'Get-KumoiEvent'
    'Get-KumoiFault'
    'Get-KumoiFtPair'
    'Get-KumoiHost'
    'Get-KumoiLineage'
    'Get-KumoiOperation'
    'Get-KumoiScaling'
    'Get-KumoiVM', 'Get-KumoiVMScreenshot'
    'Invoke-KumoiAction'
    'Invoke-KumoiBalance'
    'Measure-KumoiHostReliability'
    'Measure-KumoiPolicy'
    'Measure-KumoiUsage'
    'Move-KumoiVM'
    'New-KumoiVM'
    'Optimize-KumoiPlacement'
    'Remove-KumoiVM'
    'Rename-KumoiVM'
    'Repair-KumoiOperation'
    'Restart-KumoiVM'
    'Resume-KumoiHost'
    'Resume-KumoiVM'
    'Save-KumoiVM'
    'Select-KumoiHost'
    'Select-KumoiVM', 'Set-KumoiVM'
    'Start-KumoiAgent'
    'Start-KumoiFtPair'
    'Start-KumoiScaling'
    'Start-KumoiVM'
    'Stop-KumoiAgent'
    'Stop-KumoiFleet'
    'Stop-KumoiFtPair'
    'Stop-KumoiScaling'
    'Stop-KumoiUsage'
    'Stop-KumoiVM'
    'Suspend-KumoiHost'
    'Suspend-KumoiVM'
    'Switch-KumoiFtPair'
    'Test-KumoiFtPair'
    'Test-KumoiMigration'
    'Update-KumoiHost'
    'Wait-KumoiVM'
    'Watch-KumoiEvent'
  )
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
