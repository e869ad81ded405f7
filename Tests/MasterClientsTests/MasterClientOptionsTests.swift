import Diagnosis
import Logging
import Testing

@testable import MasterClients

@Suite struct MasterClientOptionsTests {
    @Test(arguments: ["master:1", "dlrover+http://master:1", "file:///tmp/x", "stdout:"])
    func `each kind of master has its reporter`(_ text: String) async throws {
        let reporter = try MasterURL(text).makeReporter(logger: Logger(label: "test"))
        await reporter.close()
    }

    @Test func `values that cannot be used are named`() throws {
        let changes: [(String, (inout MasterClientOptions) -> Void)] = [
            ("jobUID", { $0.jobUID = "a\nb" }), ("userAgent", { $0.userAgent = "é" }),
            ("deadline", { $0.deadline = .zero }),
            ("connectTimeout", { $0.connectTimeout = .seconds(100_000) }), ("contentBytes", { $0.contentBytes = -1 }),
            ("joinSpan", { $0.joinSpan = .seconds(-1) }), ("maxMessageBytes", { $0.maxMessageBytes = 1 }),
        ]
        for (name, change) in changes {
            var options = MasterClientOptions()
            change(&options)
            #expect(throws: MasterClientOptionsError.self) {
                try MasterURL("m:1").makeReporter(options: options, logger: Logger(label: "test"))
            }
            do { try options.check() } catch { #expect(error.option == name) }
        }
    }
}
