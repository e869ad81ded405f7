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
        (["x", "--token", "--verbose"], "x --token --verbose"), (["x", "--tokens", "5"], "x --tokens 5"),
        (["x", "--token", "--S3a1b2c3d4e5f6"], "x --token [redacted]"),
        (["x", "--api-keys", "S1", "T3a1b2c3d4e5f6", "a.py"], "x --api-keys [redacted] [redacted] a.py"),
        (["x", "--auth", "Basic", "S1", "y"], "x --auth Basic [redacted] y"),
        (["x", "--authorization", "Token", "S1"], "x --authorization Token [redacted]"),
        (["x", "Authorization:", "Basic", "S1"], "x Authorization: Basic [redacted]"),
        (["curl", "-u", "u:S1", "h"], "curl -u u:[redacted] h"),
        (["/usr/bin/curl", "--user=u:S1"], "/usr/bin/curl --user=u:[redacted]"),
        (["sshpass", "-p", "S1", "ssh", "-p", "22", "h"], "sshpass -p [redacted] ssh -p 22 h"),
        (["docker", "login", "-u", "x", "-p", "S1"], "docker login -u x -p [redacted]"),
        (["docker", "run", "-p", "80:80", "x"], "docker run -p 80:80 x"),
        (["mysql", "-pS1", "-u", "x"], "mysql -p[redacted] -u x"),
        (["redis-cli", "-a", "S1"], "redis-cli -a [redacted]"), (["python", "-u", "a:b"], "python -u a:b"),
        (["java", "-Dpassword=S1"], "java -Dpassword=[redacted]"),
        (
            ["aws", "configure", "set", "aws_secret_access_key", "S3a1b2c3d4e5f6"],
            "aws configure set aws_secret_access_key [redacted]"
        ),
        (["bash", "-c", "curl -u u:S1 h"], "bash -c curl -u u:[redacted] h"),
        (["x", "X-Token:S1"], "x X-Token:[redacted]"),
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
