import SystemSupport
@testable import Collectors
import Testing

@Suite(.timeLimit(.minutes(1))) struct SecretWordsTests {
    @Test(arguments: [
        ["--accessToken", "SEKRET"], ["--apiKey=SEKRET"], ["hfToken=SEKRET"], ["-DapiKey=SEKRET"],
        ["+trainer.api_key=SEKRET"],
        ["--APIKey", "SEKRET"], ["--authtoken=SEKRET"], ["--password=a,SEKRET"], ["--api-keys=a,SEKRET"],
        ["--auth", "Bearer", "SEKRET"],
        ["--header", "Authorization: Bearer SEKRET"], ["-H", "authorization: Basic SEKRET=="], ["X-Api-Key: SEKRET"],
        ["-H", "Proxy-Authorization:Digest u, r=SEKRET"], ["bearer SEKRET"], ["Authorization:", "SEKRET"],
        ["https://a.net/c?sv=2024&sig=SEKRET"], ["s3://b/d?X-Amz-Signature=SEKRET"],
        ["gs://b?X-Goog-Signature=SEKRET&a=1"],
        ["https://x?token=SEKRET&page=2"], ["https://user:SEKRET@host/p"], ["--p=socks5://SEKRET@host"],
        ["{'api_key': 'SEKRET'}"], [#"{"password":"SEKRET"}"#], [#"{"a": {"secretKey" : "x\"SEKRET"}}"#],
        [#"{\"token\": \"SEKRET\"}"#], ["{api_key:SEKRET}"], ["{api_key: SEKRET, lr: 1}"], ["dict(token='SEKRET')"],
        ["WANDB_API_KEY=SEKRET"], ["export HF_TOKEN=SEKRET; x"], ["--env=WANDB_API_KEY=SEKRET"],
    ])
    func hides(words: [String]) {
        let shown = CommandText.redacted(["x"] + words)
        #expect(!shown.contains("SEKRET"))
        #expect(shown.contains("[redacted]"))
    }

    @Test(arguments: [
        "hf_", "ghp_", "gho_", "github_pat_", "sk-", "sk-proj-", "glpat-", "xoxb-", "AKIA",
    ])
    func hidesTokensOfKnownShapes(prefix: String) {
        let token = prefix + "A1B2C3D4E5F6G7H8A1B2C3D4E5F6G7H8"
        #expect(SecretText.hidden(in: "f('\(token)', 1)") == "f('[redacted]', 1)")
    }

    @Test(arguments: [
        "--tokenizer path", "--num-tokens 4096", "--max-tokens 1", "--token-file /a/b", "--passes 3", "--monkey x",
        "keyboard=us",
        "--eos-token </s>", "--pad_token_id=0", "--key-dim 64", "http://host/a@b",
        "hf_model_name_that_is_rather_long_and_has_words",
        "--model sk-learn-a-rather-long-name", "image:tag", "registry/token:latest", "lr=0.1,bs=32", "--mode basic x",
        "sig=3",
        "https://x?design=3", "if key == 3:", "--significance 3", "a=b&c=d",
    ])
    func leaves(text: String) {
        #expect(CommandText.redacted(text.split(separator: " ").map(String.init)) == text)
        #expect(SecretText.hidden(in: text) == text)
    }

    @Test func keepsWhatIsAround() {
        #expect(SecretText.hidden(in: "https://x?token=S&page=2") == "https://x?token=[redacted]&page=2")
        #expect(SecretText.hidden(in: "{'api_key': 'S', 'lr': 1}") == "{'api_key': '[redacted]', 'lr': 1}")
        #expect(SecretText.hidden(in: "http://u:p@h/x") == "http://[redacted]@h/x")
    }

    @Test func aWordCannotForgeALine() {
        #expect(CommandText.redacted(["x", "a\nProcess 1\u{1B}[2J\u{202E}"]) == "x a Process 1\\x1b[2J\\u{202e}")
    }
}
