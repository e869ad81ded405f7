import DLRoverListener
import Testing

@Suite struct ListenAddressTests {
    @Test(arguments: [
        ("dlrover+grpc://127.0.0.1:50051", "dlrover+grpc://127.0.0.1:50051"),
        ("DLRover+gRPC://localhost:0/", "dlrover+grpc://127.0.0.1:0"),
        ("dlrover+grpc://[::1]:1", "dlrover+grpc://[::1]:1"),
        ("dlrover+grpc://127.8.9.10:65535", "dlrover+grpc://127.8.9.10:65535"),
        ("dlrover+http://127.0.0.1:50052", "dlrover+http://127.0.0.1:50052"),
        ("DLROVER+HTTP://[::1]:0/", "dlrover+http://[::1]:0"),
        ("unix:/run/a b.sock", "unix:/run/a b.sock"), ("unix:///run/a.sock", "unix:/run/a.sock"),
    ])
    func loopbackWillDo(text: String, description: String) {
        #expect(ListenAddress(text)?.description == description)
    }

    @Test(arguments: [
        "", "127.0.0.1:50051", "http://127.0.0.1:1", "dlrover+http://0.0.0.0:1", "dlrover+grpc://0.0.0.0:1",
        "dlrover+grpc://[::]:1",
        "dlrover+grpc://10.0.0.1:1", "dlrover+grpc://127.0.0.1", "dlrover+grpc://127.0.0.1:",
        "dlrover+grpc://127.0.0.1:65536",
        "dlrover+grpc://127.0.0.1:-1", "dlrover+grpc://127.0.0.1:+5", "dlrover+grpc://127.0.0.1:٥",
        "dlrover+grpc://127.0.0.01:1",
        "dlrover+grpc://127.+0.0.1:1", "dlrover+grpc://[::1]:+1", "dlrover+grpc://127.0.0.1: 1",
        "dlrover+grpc://127.0.0:1", "dlrover+grpc://127.0.0.256:1",
        "dlrover+grpc://127.0.0.1.evil:1",
        "dlrover+grpc://::1:1", "dlrover+grpc://host:1", "unix:", "unix:a.sock", "unix://host/a.sock", "unix:/run/",
        "unix:/\(String(repeating: "x", count: 107))", "unix:/a\0b", "unix-abstract:/a",
    ])
    func anythingElseWillNot(text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test(arguments: [
        (["dlrover+grpc://127.0.0.1:1", "dlrover+http://127.0.0.1:1"], "dlrover+http://127.0.0.1:1"),
        (["unix:/a", "dlrover+grpc://127.0.0.1:1", "unix:///a"], "unix:/a"),
        (["dlrover+grpc://127.0.0.1:0", "dlrover+grpc://localhost:0", "dlrover+http://127.0.0.1:0"], nil),
        (["dlrover+grpc://127.0.0.1:1", "dlrover+grpc://127.0.0.2:1", "dlrover+http://[::1]:1"], nil),
    ])
    func onePortIsForOneOfThem(texts: [String], repeated: String?) {
        #expect(ListenAddress.repeated(in: texts.compactMap { ListenAddress($0) })?.description == repeated)
    }
}
