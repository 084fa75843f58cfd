namespace Kumoi.PowerShell.Parameters;

/// <summary>What a cmdlet learns of a reference when it begins, and the reference cannot know by itself.</summary>
internal interface INameReference
{
    /// <summary>It was typed with the command, and may be a pattern. What comes by the pipeline is a name and nothing else.</summary>
    bool IsTyped { set; }

    /// <summary>The name; null where an object was given.</summary>
    string? Text { get; set; }
}
