import SystemSupport
import Testing

/// The forms in which secrets stand in texts, and what only looks like one.
@Suite(.timeLimit(.minutes(1))) struct SecretFormsTests {
    @Test(arguments: [
        // Names with grown-together words, short names.
        "password: SEKRET", "password=SEKRET", "DB_PASS=SEKRET", "Authorization: Basic SEKRET",
        "Authorization=Basic SEKRET",
        "PGPASSWORD=SEKRET psql", "clientsecret=SEKRET", "githubtoken: SEKRET", "GITHUB_PAT=SEKRET", "SLURM_JWT=SEKRET",
        "_auth=SEKRETa1b2c3d4e5f6", "X-Token:SEKRET", "-DdbPassword=SEKRET", "PHPSESSID=SEKRET",
        "ldapsearch -D cn=x -w SEKRET",
        "mysqldump -u r -pSEKRET db", "spring.datasource.password: SEKRET", "password :                     SEKRET",
        "proxy-authorization = \"Basic SEKRET\"",
        "Authorization: AWS4-HMAC-SHA256 Credential=SEKRET/2024, Signature=SEKRET",
        "ROOTPASSWORD=SEKRET", "SMTP_PASS=SEKRET", "userpasswd: SEKRET", "sessionToken=SEKRET", "adminToken: SEKRET",
        "awsSecretAccessKey=SEKRET", "VAULT_SECRET_ID=SEKRET", "GITLAB_PAT=SEKRET",
        "MYSQL_ROOT_PASSWORD_FILE_CONTENT=SEKRET",
        "sshkey=SEKRET", "encryptionKey=SEKRET",
        // Documents.
        "{\"password\": \"SEKRET", "password:\n  SEKRET", "password: >-\n  SEKRET\n  SEKRET",
        "db:\n  password: |\n    SEKRET\n  x: 1",
        "<Password>SEKRET</Password>", "{\"name\": \"DB_PASSWORD\", \"value\": \"SEKRET\"}",
        "- name: DB_PASSWORD\n  value: SEKRET",
        "password := \"SEKRET\"", "\"password\" => \"SEKRET\"", "password => SEKRET",
        "\"auth\":\"dXNlcjpwYXNzd29yZA==\"",
        "{\"key\": \"api_key\", \"value\": \"SEKRET\"}", "{\"Name\": \"DB_PASSWORD\", \"Value\": \"SEKRET\"}",
        "{\"value\":\"SEKRETa1b2c3d4e5f6\",\"name\":\"HF_TOKEN\"}", "<secretKey>SEKRET</secretKey>",
        "<api-key attr=\"1\">SEKRET</api-key>", "<property name=\"password\" value=\"SEKRET\"/>",
        "<entry key=\"db.password\">SEKRET</entry>", "password := 'SEKRET'", "'password' => 'SEKRET',",
        "\"token\": !vault SEKRET",
        "api_key: >\n  SEKRET", "\"Authorization\": \"Token SEKRET\"",
        // Programs.
        "api_keys:\n  - SEKRET1\n  - SEKRET2\nother: x", "os.environ['HF_TOKEN']='SEKRET'",
        "os.environ[\"HF_TOKEN\"] = 'SEKRET'",
        "os.environ.setdefault(\"WANDB_API_KEY\", \"SEKRET\")", "api_keys=['SEKRET', 'SEKRET']",
        "\"api_keys\": [\"SEKRET\", \"SEKRET\"]", "api_key=b'SEKRET'", "api_key=SecretStr('SEKRET')",
        "token: str = 'SEKRET'",
        "password = '''SEKRET'''", "password = \"\"\"x SEKRET\"\"\"", "Config(password='SEKRET', lr=1)",
        "password=rb'SEKRET'",
        "cfg[\"db\"][\"password\"] = \"SEKRET\"", "cfg['token'] = \"SEKRET\"", "cfg.setdefault('api_key','SEKRET')",
        "os.putenv(\"AWS_SECRET_ACCESS_KEY\", \"SEKRET\")", "headers.append((\"x-api-key\", \"SEKRET\"))",
        "monkeypatch.setenv('HF_TOKEN', 'SEKRET')", "api_key: SecretStr = SecretStr('SEKRET')",
        "password: str | None = \"SEKRET\"",
        "api_keys = (\"SEKRET\", \"SEKRET2\")", "passwords=[\"SEKRET\"]", "'authorization', 'Bearer SEKRET'",
        "grpc metadata (('authorization', 'Bearer SEKRET'),)", "requests.get(u, auth=('user', 'SEKRETa1b2c3d4e5f6'))",
        // Commands and options.
        "--password 12345SEKRET", "curl -s -u bob:SEKRET https://h", "+ sshpass -p SEKRET ssh h",
        "+ docker login -u x -p SEKRET r",
        "+ mysql -u root -pSEKRET", "redis-cli -h x -a SEKRET", "--auth Basic SEKRET", "--authorization Token SEKRET",
        "wget --http-password=SEKRET h", "wget --http-password SEKRET h", "smbclient -U u%SEKRET //h/x",
        "openssl enc -aes -k SEKRET",
        "openssl rsa -passin pass:SEKRET", "podman login -u x -p SEKRET", "docker login -pSEKRET",
        "curl --proxy-user u:SEKRET h",
        "curl --user 'u:SEKRET' h", "mariadb -pSEKRET", "sqlcmd -P SEKRET", "mongo -u x -p SEKRET",
        "helm registry login -u x -p SEKRET h", "['curl', '-u', 'u:SEKRET']", "--db-pass SEKRET", "--pw SEKRET",
        "--jwt SEKRET",
        "--sk SEKRET", "--ak=SEKRETa1b2c3d4e5f6", "--token --SEKRETa1b2c3d4e5f6",
        "--api-keys SEKRET SEKRETa1b2c3d4e5f6",
        "--api-keys SEKRETa1b2c3d4e5f6,SEKRETa1b2c3d4e5f7", "curl -H X-Token:SEKRET h", "curl -H 'X-Api-Key:SEKRET' h",
        // Addresses.
        "http://u:p#SEKRET@host/x", "http://u:p?SEKRET@host/x", "http://u:p/SEKRET@host/x",
        "https://h/?a[token]=SEKRET",
        "https://h/?token%5B%5D=SEKRET", "https://h/x%3Ftoken%3DSEKRET", "curl -s -u bob:SEKRET https://h",
        "https://x/?user[password]=SEKRET", "https://x/?pass=SEKRET", "https://x/?code=SEKRET",
        "https://x/?next=%2Fa%3Fpassword%3DSEKRET", "https://x/cb#access_token=SEKRET", "u:SEKRET@[::1]:80",
        "postgres://u:SE#KRET@h",
        "https://discordapp.com/api/webhooks/123/SEKRETa1b2c3d4e5f6",
        "https://hooks.slack.com/services/T0/B0/SEKRETa1b2c3d4e5f6",
        "https://open.feishu.cn/open-apis/bot/v2/hook/5a1b2c3d-SEKRETa1b2c3d4e5f6",
        "https://x.webhook.office.com/webhookb2/SEKRETa1b2c3d4e5f6@x/IncomingWebhook/y",
        // Colours, invisible characters, and what is written of them.
        "api_key\\u{200b}=SEKRET", "\\u001b[36mapi_key\\u001b[0m=\\u001b[35mSEKRET",
        "\\x1b[36mpassword\\x1b[0m=\\x1b[35mSEKRET\\x1b[0m", "\\033[1mpassword\\033[0m: SEKRET",
        "\u{1B}[36mapi_key\u{1B}[0m=\u{1B}[35mSEKRETa1b2c3d4e5f6\u{1B}[0m", "api\u{1B}[0m_key=SEKRET",
        "api_key\u{200B}=SEKRET",
        "pass\u{200B}word=SEKRET", "https://u:\u{1B}[31mSEKRET\u{1B}[0m@h", "token=\u{A0}SEKRET", "“token”: “SEKRET”",
        "token＝SEKRET",
        "Authorization:\tBearer SEKRET", "x-api-key\t:\tSEKRET", "password\t= SEKRET",
    ])
    func hides(text: String) {
        let shown = SecretText.hidden(in: text)
        #expect(!shown.contains("SEKRET"))
        #expect(!shown.contains("dXNlcjpw"))
        #expect(shown.contains("[redacted]"))
    }

    @Test(arguments: [
        "tokens/s 1234", "tokenizer: gpt2", "max_tokens=100", "--tokens 5", "password file", "auth: none", "key=value",
        "pass 3 of 5",
        "token: 17", "pass: 3/5", "PASS: test_foo", "forward_pass: 12ms", "backward pass: 0.3 s", "pass@1: 0.83",
        "pass_rate=0.98",
        "first_pass=0.3", "passed: 10, failed: 3", "auth: oauth2", "auth=basic", "authentication: disabled",
        "the token bucket: 10 per second", "tokens: 4096 | loss: 2.3", "tokens seen: 1,234,567", "tokens=1.5B",
        "tokens_per_second: 18233", "tokens/sec/gpu: 3,456.7", "consumed_tokens: 1048576", "tok/s: 4000",
        "key: block_10_attn",
        "KeyError: 'module.layers.12.weight'", "key 'model.layers.0.self_attn.q_proj.weight' is missing",
        "\"key\": \"value\"",
        "/none/password: file cannot be read", "cannot open /none/password: No such file or directory",
        "cannot read /none/db_password: Permission denied", "cannot open /none/api_key: Is a directory",
        "cannot read /none/passwd: No such file or directory", "Error: --rules: /none/api_key: file cannot be read",
        "cannot read '/etc/secrets/token': permission denied", "password: no such file",
        "password.yaml: cannot be read",
        "cannot open /etc/passwd: Permission denied", "/run/secrets/token: not found", "auth_token.py:30",
        "app.auth_token:refresh:45 - refreshed", "get_api_key:12", "module.secret:load:10",
        "  File \"/x/token.py\", line 30, in get_token", "    token = self.get_token(name)",
        "    password = getpass.getpass()",
        "    api_key = os.environ[\"API_KEY\"]", "    api_key = os.environ.get('API_KEY')", "    token = tokens[0]",
        "    tokens = tokenizer(text, return_tensors=\"pt\")", "    key = self.key_proj(x)",
        "def login(token: str, password: str = None):", "token: Optional[str] = None",
        "Process 12, rank 0: python train.py --lr 0.1",
        "Thread 12 (idle): \"MainThread\"", "    forward (model/attention.py:123)", "    get_token (tokenizer.py:30)",
        "epoch 3 step 100 loss 0.3 token_acc 0.5", "lr=1e-4 bs=32 key=loss",
        "2026-11-29T10:00:00Z INFO worker/0: tokens=12",
        "https://host/path?page=2&sort=key", "https://h/?code=404", "https://host:8080/a@b", "http://[::1]:80/a@b",
        "user@host:22",
        "scp file host:/path@x", "train.py:30: in forward", "model.layers.0.self_attn.key: torch.Size([64, 64])",
        "docker run -p 8080:80 image", "ssh -p 22 host", "ssh -u user host", "curl -u user https://h",
        "mysql -u root -h db",
        "python -p 3", "tar -pxf x.tar", "git commit -a -m \"password change\"", "add password support",
        "the password is wrong",
        "invalid password", "Wrong password: try again", "password required", "token expired",
        "Invalid token: expected ',' but got '}'", "unexpected token: '<' at line 3", "Bearer authentication is used",
        "Basic training finished", "basic: 3",
        "NCCL INFO comm 0x55d4c8a3e0f0 rank 0 nranks 8 cudaDev 0 busId 1000 commId 0xa1b2c3d4e5f60718",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "GPU-5a1b2c3d-1234-5678-9abc-def012345678", "H100-SXM5-80GB", "Qwen2.5-72B-Instruct",
        "saved checkpoint to s3://bucket/step_0001000/model-00001-of-00008.safetensors", "webhook: sent",
        "https://host/webhook/status", "45%|████▌     | 45/100 [00:10<00:12,  4.40it/s]",
        "{\"key\": \"lr\", \"value\": 0.1}",
        "{\"name\": \"loss\", \"value\": 3}", "[{\"name\": \"tokens\", \"value\": 4096}]",
        "{\"metric\": \"tokens\", \"value\": \"4096\"}", "secretary: x", "cookies: 3", "sk=3", "ak = 0.5", "--sk 3",
        "pat=3",
        "pattern=abc", "path=/usr/bin", "otp: 3", "x -> y", "a => b", "i := 3",
        "if token != \"foo\" and password == \"\":",
        "\"max_position_embeddings\": 4096, \"pad_token_id\": 0, \"bos_token\": \"<s>\", \"eos_token\": \"</s>\"",
        "Special tokens have been added in the vocabulary",
        "token indices sequence length is longer than the specified maximum sequence length for this model (1234 > 512)",
        "Setting `pad_token_id` to `eos_token_id`:50256 for open-end generation.", "tokens: ['the', 'cat', 'sat']",
        "tokens = [101, 2023, 102]", "token=[101, 2023]", "('token', 'count')", "('password', 'username')",
        "'missing keys: 'token', 'lr'", "add_argument('--token', help='the token')",
        "parser.add_argument(\"--api-key\", type=str, default=None)", "setattr(cfg, 'token', None)",
        "config show password: [redacted]", "secret_name: x", "secrets: mounted", "the settings are right",
        "credentials: none",
        "credentials: missing", "authorization: required", "cookie: off", "session: 3", "session_id=abc",
        "job_key=train-1",
        "cache_key: step_12", "etcd key: /torchelastic/p2p/run_1/rdzv", "--rdzv-conf key=value", "password:",
        "api_key:", "token:",
        "secrets:", "num_tokens_seen=1e9", "--passes 3", "bypass: 1", "compass: north", "passenger: x", "keyboard: us",
        "monkey: x",
        "tokenize: 3s", "DataLoader worker (pid(s) 1234) exited unexpectedly",
        "cannot connect to 10.0.0.1:50001: connection refused",
        "cannot bind unix:/run/x.sock: in use", "user 0 may not enter /etc/passwd: it belongs to user 0",
        "token_ids: [1, 2, 3]",
        "prompt_token_ids=[1, 2, 3]", "attention: flash", "weights.key_proj.0: 3.2",
        "docker run --user 1000:1000 -p 80:80 x",
        "podman run -p 8080:80 login", "curl -u: https://h", "tar --user u", "--user 1000:1000", "python -u train.py",
        "<token>",
        "<password>", "usage: x [--password PASSWORD_FILE] [--token-file F]", "https://hooks.example/status",
        "/usr/lib/python3/site-packages/webhooks/handlers.py", "the hook/post_backward_gradient_accumulation_2",
        "in hook_fn_12 (torch/utils/hooks.py:33)", "https://huggingface.co/api/models/meta-llama/Llama-3.1-8B-Instruct",
        "requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://huggingface.co/api/whoami-v2",
        "Access token: missing", "Token is valid (permission: read).",
        "OSError: You are trying to access a gated repo. Make sure to have access to it, set token=True",
        "wandb: ERROR api_key not configured (no-tty). call wandb.login(key=[your_api_key])",
        "pass `token=<your_token>` to log in",
        "ValueError: password cannot be empty", "KeyError: 'HF_TOKEN'", "KeyError: 'password'",
        "ValueError: Invalid token: ','",
        "SyntaxError: invalid token (x.py, line 3)", "secret not found", "secrets \"hf\" not found",
        "MountVolume.SetUp failed for volume \"token\" : secret \"hf-token\" not found",
        "Error: secret \"wandb-api-key\" not found",
        "unauthorized: authentication required", "{\"level\":\"info\",\"tokens\":4096,\"token_rate\":\"12k\"}",
        "{\"auth\": \"none\"}",
        "{\"auth\": \"kerberos\"}", "\"auth\": \"basic\"", "\"tokenizer\": \"gpt2\"", "tokenizer_path=/x/y",
        "avg tokens: 3.2 min tokens: 1 max tokens: 9", "token/s/gpu: 12, mfu: 0.4", " 95% 12/13 tokens=3", "passes: 3",
        "bypass=True",
        "sk: 3", "--ak 3", "value: 12", "name: loss value: 0.3", "[INFO] key: train/loss, value: 0.3",
        "step=3 token_loss=0.1 key_loss=0.3", "secure: true", "user:x", "a: b@c", "x[:, y@z]",
        "2026-11-29T10:00:00 user@host:/x",
        "git@github.com:org/repo.git", "matmul: a@b", "ranks 0:7@node1", "authority: x", "author: John Smith",
        "authors=[a, b]",
        "cookiecutter: x", "secretariat=1", "pat: 3", "path: /x",
    ])
    func leaves(text: String) {
        #expect(SecretText.hidden(in: text) == text)
    }

    @Test(arguments: [
        "glrt-", "gldt-", "glptt-", "xoxe-1-", "xoxc-", "xoxd-", "GOCSPX-", "1//0", "ABIA", "ACCA", "hf_oauth_",
        "hf_jwt_", "hvs.", "dckr_pat_",
        "gsk_", "xai-", "pplx-", "rk_live_", "sk_test_", "whsec_", "dapi", "LTAI5t", "glsa_", "tskey-", "figd_",
        "sntrys_", "ATATT", "shpat_",
        "pcsk_", "lsv2_", "dp.pt.", "rpa_", "fw_", "PMAK-",
    ])
    func hidesTokensOfKnownShapes(prefix: String) {
        let token = prefix + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6"
        #expect(SecretText.hidden(in: "denied: \(token) x") == "denied: [redacted] x")
        #expect(SecretText.hidden(in: "/x/\(token)") == "/x/[redacted]")
    }

    @Test func hidesSendGridsTokens() {
        let token = "SG.A1b2C3d4E5f6G7h8I9j0K1.A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6A1b2C3d4E5f"
        #expect(SecretText.hidden(in: "x \(token)") == "x [redacted]")
    }

    @Test func keepsWhatIsAround() {
        #expect(
            SecretText.hidden(in: "\u{1B}[36mtoken\u{1B}[0m=\u{1B}[35mS1\u{1B}[0m x")
                == "\u{1B}[36mtoken\u{1B}[0m=\u{1B}[35m[redacted]\u{1B}[0m x")
        #expect(SecretText.hidden(in: "<password>S1</password><a>b</a>") == "<password>[redacted]</password><a>b</a>")
        #expect(
            SecretText.hidden(in: "db:\n  password:\n    S1\n  port: 3")
                == "db:\n  password:\n    [redacted]\n  port: 3")
        #expect(SecretText.hidden(in: "api_keys=['a1', 'b2'], n=1") == "api_keys=[[redacted]], n=1")
        #expect(SecretText.hidden(in: "curl -u bob:S1 https://h") == "curl -u bob:[redacted] https://h")
        #expect(SecretText.hidden(in: "password: \"S1\nloss: 3") == "password: \"[redacted]\nloss: 3")
        #expect(SecretText.hidden(in: "--auth Basic S1 --lr 1") == "--auth [redacted] --lr 1")
    }
}
