# What no other test runs, such as benchmarks: whoever runs it once in a month must not be the first to see a misspelt line.
Describe 'The scripts of the repository' {
  It 'can be read by PowerShell' {
    $root = Split-Path (Split-Path $PSScriptRoot)
    $scripts = Get-ChildItem $root -Recurse -File -Include '*.ps1', '*.psd1' | Where-Object FullName -NotMatch '/(bin|obj|artifacts|node_modules)/'
    $scripts.Count | Should -BeGreaterThan 50
    $scripts | ForEach-Object {
      $errors = $null
      $null = [System.Management.Automation.Language.Parser]::ParseFile($_.FullName, [ref] $null, [ref] $errors)
      $errors | ForEach-Object { "$($_.Extent.File):$($_.Extent.StartLineNumber) $($_.Message)" }
    } | Should -BeNullOrEmpty
  }
}
