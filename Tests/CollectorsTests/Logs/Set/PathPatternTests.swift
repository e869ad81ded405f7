import Testing

@testable import Collectors

@Suite struct PathPatternTests {
    @Test(arguments: [
        ("/a/*.log", "/a/x.log", true), ("/a/*.log", "/a/.log", false), ("/a/*.log", "/a/b/x.log", false),
        ("/a/.*", "/a/.x", true), ("/a/?.log", "/a/x.log", true), ("/a/?.log", "/a/xy.log", false),
        ("/a/[a-c]x", "/a/bx", true), ("/a/[!a-c]x", "/a/bx", false), ("/a/[^a-c]x", "/a/dx", true),
        ("/a/[]]x", "/a/]x", true), ("/a/[x", "/a/[x", true), ("/a/\\*", "/a/*", true), ("/a/\\*", "/a/b", false),
        ("/a/**/x", "/a/x", true), ("/a/**/x", "/a/b/c/x", true), ("/a/**/x", "/a/.b/x", false),
        ("/a/**", "/a/b/c.log", true), ("/a/**", "/a", false), ("/**/*.log", "/x.log", true),
        ("/a/{x,y}.log", "/a/y.log", true), ("/a/{x,y}.log", "/a/z.log", false), ("/a/{x,{y,z}}", "/a/z", true),
        ("/a/{x}.log", "/a/{x}.log", true), ("/{a,b/c}/x", "/b/c/x", true), ("/a//./*", "/a/b", true),
        ("/a/*x*y", "/a/1x2x3y", true), ("/a/ü*", "/a/üb", true), ("/a/{", "/a/{", true),
        ("/a/{x,}.log", "/a/.log", true),
    ])
    func aPatternMatchesAsInAShell(pattern: String, path: String, expected: Bool) {
        #expect(PathPattern.all(pattern).contains { $0.matches(path) } == expected)
    }

    @Test func bracesAreBounded() {
        #expect(PathPattern.all("/" + String(repeating: "{a,b}", count: 30)).count == PathPattern.mostBraces)
    }

    @Test func aLongNameWithManyStarsEndsSoon() {
        let pattern = PathPattern.all("/" + String(repeating: "a*", count: 50) + "b")
        #expect(!pattern[0].matches("/" + String(repeating: "a", count: 250)))
    }

    @Test(arguments: [
        ("/l/a.log.1", "/l/a.log"), ("/l/a.log-20261128", "/l/a.log"), ("/l/a.log.2.gz", "/l/a.log"),
        ("/l/a.log.gz", "/l/a.log"),
        ("/l/a.log.2026-11-28_10-05", "/l/a.log"), ("/l/b.log.1", nil), ("/l/a.log", nil), ("/l/a.log1", nil),
    ])
    func rotatedNamesAreRecognized(path: String, base: String?) {
        #expect(RotatedName.base(of: path) { $0 == "/l/a.log" } == base)
    }

    @Test func torchrunsPathsTellRunAttemptAndRank() {
        let path = "/t/job_7_k3_x9q0a/attempt_2/11/stderr.log"
        let expected = TorchrunOrigin(run: "job_7", attempt: 2, localRank: 11, stream: "stderr")
        #expect(TorchrunOrigin(path: path, in: "/t") == expected)
        #expect(TorchrunOrigin(path: path, in: "/t/job_7_k3_x9q0a/attempt_2") == expected)
        #expect(TorchrunOrigin(path: "/t/x/attempt_0/3/other.log", in: "/t") == nil)
        #expect(TorchrunOrigin(path: "/t/x/attempt_0/a/stdout.log", in: "/t") == nil)
        for folder in ["/t", "/t/job_7_k3_x9q0a", "/t/job_7_k3_x9q0a/attempt_2"] {
            let patterns = TorchrunOrigin.patterns(in: folder).flatMap(PathPattern.all)
            #expect(patterns.contains { $0.matches(path) })
        }
    }

    @Test func theLastMountOverAFolderTellsItsFileSystem() {
        let table = MountTable(mounts: [
            ("/", "ext4"), ("/mnt", "ext4"), ("/mnt/n", "nfs4"), ("/mnt/n", "xfs"), ("/h", "fuse.sshfs"),
        ])
        #expect(table.type(of: "/mnt/n/a") == "xfs")
        #expect(table.type(of: "/mnt/nn") == "ext4")
        #expect(MountTable.needsPolling(table.type(of: "/h/x")))
        #expect(!MountTable.needsPolling(table.type(of: "/x")))
    }
}
