import Foundation
import Inspection
import TestSupport
import Testing

struct SupportBundleTests {
    private func unpacked(_ bytes: [UInt8], in folder: ScratchFolder) throws -> String {
        let path = try folder.write(bytes, to: "bundle.tar.gz")
        let tar = Process()
        tar.executableURL = URL(fileURLWithPath: "/usr/bin/tar")
        tar.arguments = ["xzf", path, "-C", folder.path]
        try tar.run()
        tar.waitUntilExit()
        #expect(tar.terminationStatus == 0)
        return folder.path
    }

    @Test func secretsAreHiddenInEveryKindOfText() throws {
        let folder = ScratchFolder()
        let secret = "s3cr3tZq8Lw1Xv5Bn7"
        var bundle = SupportBundle(folder: "b", time: 1)
        bundle.add("lines.txt", lines: ["HF_TOKEN=\(secret)", "master http://user:\(secret)@host:1/"])
        bundle.add("text.txt", text: "Authorization: Bearer \(secret)\npassword: \(secret)\n")
        bundle.add("value.json", json: #"{"error": "token=\#(secret)"}"#)
        bundle.add("log.txt", file: try folder.write("x\napi_key=\(secret)\n", to: "a.log"))
        bundle.add("gone.txt", file: folder.file("none"))
        _ = try unpacked(bundle.packed(), in: folder)
        for name in ["lines.txt", "text.txt", "value.json", "log.txt"] {
            let text = try folder.text("b/\(name)")
            #expect(!text.contains(secret) && text.contains("[redacted]"), "\(name): \(text)")
        }
        #expect(try folder.text("b/missing.txt").hasPrefix("gone.txt: "))
    }

    @Test func whatIsLongLosesItsBeginningAndTheWholeIsBounded() throws {
        let folder = ScratchFolder()
        var bundle = SupportBundle(folder: "b", time: 1)
        let line = String(repeating: "y", count: 99) + "\n"
        let log = try folder.write(String(repeating: line, count: 30_000) + "the end\n", to: "a.log")
        for number in 0..<30 { bundle.add("log-\(number).txt", file: log) }
        _ = try unpacked(bundle.packed(), in: folder)
        let text = try folder.text("b/log-0.txt")
        #expect(text.hasSuffix("the end\n") && text.utf8.count <= SupportBundle.mostOfFile)
        #expect(text.split(separator: "\n").dropLast().allSatisfy { $0.utf8.count == 99 || $0.hasPrefix("(") })
        #expect(try folder.text("b/missing.txt").contains("no more room"))
    }

    @Test(.timeLimit(.minutes(1))) func aPipeIsNotWaitedFor() throws {
        let folder = ScratchFolder()
        mkfifo(folder.file("pipe"), 0o600)
        var bundle = SupportBundle(folder: "b", time: 1)
        bundle.add("pipe.txt", file: folder.file("pipe"))
        _ = try unpacked(bundle.packed(), in: folder)
        #expect(try folder.text("b/missing.txt").contains("is no regular file"))
    }
}
