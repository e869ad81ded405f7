@testable import Collectors
import Testing

@Suite(.timeLimit(.minutes(1))) struct CommandTextTests {
    @Test(arguments: [
        (["python", "train.py", "--lr", "0.1"], "python train.py --lr 0.1"),
        (["x", "--token", "abc", "y"], "x --token [redacted] y"),
        (["x", "--token=abc"], "x --token=[redacted]"),
        (["x", "--hf_token", "abc"], "x --hf_token [redacted]"),
        (
            ["x", "--api-key=abc", "key=abc", "-password", "p"],
            "x --api-key=[redacted] key=[redacted] -password [redacted]"
        ),
        (
            ["env", "HF_TOKEN=abc", "AWS_SECRET_ACCESS_KEY=abc", "python"],
            "env HF_TOKEN=[redacted] AWS_SECRET_ACCESS_KEY=[redacted] python"
        ),
        (["x", "--token", "--verbose"], "x --token --verbose"),
        (
            ["x", "--tokenizer", "t5", "--max-tokens", "4096", "keyboard=us"],
            "x --tokenizer t5 --max-tokens 4096 keyboard=us"
        ),
        (["x", "http://user:secret@host/path"], "x http://[redacted]@host/path"),
        (["x", "--proxy=http://u:p@host/a@b"], "x --proxy=http://[redacted]@host/a@b"),
        (["x", "a\nb\tc"], "x a b c"),
        ([], ""),
    ])
    func hidesSecretsAndNothingElse(words: [String], text: String) {
        #expect(CommandText.redacted(words) == text)
    }

    @Test func cutsALongCommand() {
        let text = CommandText.redacted(["x", String(repeating: "y", count: 5000)])
        #expect(text.utf8.count == 1024 + "…".utf8.count)
    }
}
