# One hash over all pages of a folder, with their names; line ends do not count.
param([Parameter(Mandatory)][string] $Pages)
$all = foreach ($page in Get-ChildItem $Pages -Filter '*-Kumoi*.md' | Sort-Object { $_.Name.ToUpperInvariant() }) {
  $page.Name
  (Get-Content -LiteralPath $page.FullName -Raw) -replace '\r\n', "`n"
}
[Convert]::ToHexString([System.Security.Cryptography.SHA256]::HashData([System.Text.Encoding]::UTF8.GetBytes($all -join "`n")))
