BeforeAll { . "$PSScriptRoot/Fleet.ps1" }

Describe 'Get-KumoiVMScreenshot' {
  It 'gets the picture of each VM''s screen from libvirt' -Skip:(-not $env:KUMOI_HAS_LIBVIRT) {
    if (Get-KumoiConnection) { Disconnect-KumoiHost * }
    Connect-KumoiHost test:///default | Out-Null
    $shot = Get-KumoiVM | Get-KumoiVMScreenshot
    $shot.VM | Should -Be test
    $shot.ContentType | Should -BeLike 'image/*'
    [System.Text.Encoding]::ASCII.GetString($shot.Bytes, 1, 3) | Should -Be PNG
    Disconnect-KumoiHost *
  }

  It 'is an error for each VM that has no screen, and says what to do' {
    Reset-Fleet 'sim://lab?hosts=2&vms=1&running=1&seed=7'
    Get-KumoiVMScreenshot * -ErrorVariable failed -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    $failed.TargetObject.Name | Should -Be kvm01-1, kvm02-1
    $failed[0].FullyQualifiedErrorId | Should -BeLike 'NotSupported,*'
    $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
  }
}
