import SystemSupport
import Testing

@testable import MasterClients

@Suite struct MasterURLTests {
    @Test(arguments: [
        ("master:50001", "dlrover+grpc://master:50001"),
        ("10.0.0.1:50001", "dlrover+grpc://10.0.0.1:50001"),
        ("dlrover+grpc://Master.Example:1/", "dlrover+grpc://master.example:1"),
        ("DLROVER+HTTP://master_1:65535", "dlrover+http://master_1:65535"),
        ("[::1]:50001", "dlrover+grpc://[::1]:50001"),
        ("dlrover+http://[FE80::A%eth0]:80", "dlrover+http://[fe80::a%eth0]:80"),
        ("dlrover+grpc://master:00080", "dlrover+grpc://master:80"),
        ("file:///var/log/Metrics.ndjson", "file:///var/log/Metrics.ndjson"),
        ("file:///a b%20c", "file:///a b%20c"),
        ("otlp+grpc://Collector:4317/", "otlp+grpc://collector:4317"),
        ("otlp+http://collector:4318", "otlp+http://collector:4318"),
        ("OTLP+HTTPS://[::1]:443/Api/v1/otlp/", "otlp+https://[::1]:443/Api/v1/otlp"),
        ("otlp+grpcs://collector:4317", "otlp+grpcs://collector:4317"),
        ("stdout:", "stdout:"),
        ("STDOUT:", "stdout:"),
        ("file:80", "dlrover+grpc://file:80"),
        ("nats://N1.example:4222/jobs", "nats://n1.example:4222/jobs"),
        ("NATS://a:1,[::1]:02,a:1/A-z_9", "nats://a:1,[::1]:2/A-z_9"),
        ("natss://a:4222,b:4222/arobust", "natss://a:4222,b:4222/arobust"),
    ])
    func `has one canonical form`(_ text: String, _ canonical: String) throws {
        let url = try MasterURL(text)
        #expect(url.description == canonical)
        #expect(try MasterURL(canonical) == url)
    }

    @Test(arguments: [
        ("", "no port"), ("master", "no port"), ("master:", "port must be"), ("master:0", "port must be"),
        ("master:65536", "port must be"), ("master:+5", "port must be"), ("master:5x", "port must be"),
        (":50", "no host"),
        ("dlrover+grpc://", "no port"), ("dlrover+grpc://user@host:5", "without user"),
        ("dlrover+http://host:5/path", "port must be"), ("dlrover+http://a/b:5", "without user"),
        ("::1:50001", "in brackets"), ("[]:1", "IPv6"), ("[1.2.3.4]:1", "IPv6"), ("[::1", "in brackets"),
        ("http://host:80", "'http' is not known"), ("arobust://host", "no port"),
        ("nats://host:80", "no stream, as in nats://host:4222/arobust"), ("nats://host:80/", "a stream's name has"),
        ("nats://host:80/a.b", "a stream's name has"), ("nats://host:80/a/b", "a stream's name has"),
        ("nats://host/a", "no port"), ("nats://a:1,/a", "no port"), ("nats://,a:1/a", "no port"),
        ("nats://user:x@host:80/a", "IPv6"), ("nats://user@host:80/a", "without user"),
        ("nats:host:80/a", "port must be"),
        ("nat://host:80/a", "did you mean 'nats:'"), ("file://host/path", "absolute path"),
        ("file:path", "absolute path"),
        ("file:///", "directory"), ("file:///tmp/", "directory"), ("file:///a\nb", "control"),
        ("otlp+grpc://h:1/path", "port must be"), ("otlp+http://h:1/a?b=c", "no query"),
        ("otlp+http://h:1/a//b", "no query"), ("otlp+http://h:1/x/v1/logs", "leave it out"),
        ("otlp+http://h", "no port"), ("otlp+htp://h:1", "did you mean 'otlp+http:'"),
        ("stdout:x", "nothing may follow"),
        ("stdout://", "nothing may follow"), ("stdoutt:", "did you mean 'stdout:'"),
        ("stdout", "did you mean 'stdout:'"),
        ("fil:/a", "did you mean 'file:'"), ("dlrover+gprc://h:1", "did you mean 'dlrover+grpc:'"),
    ])
    func `an error says what is wrong and what is allowed`(_ text: String, _ reason: String) {
        do throws(MasterURLError) {
            let url = try MasterURL(text)
            Issue.record("it was read as \(url)")
        } catch {
            #expect(error.reason.contains(reason), "\(error)")
            #expect(error.description.contains(SecretText.line(text)))
            #expect(error.description.contains("dlrover+grpc://host:port"))
        }
    }

    @Test(
        arguments: [
            ([:], nil),
            (["DLROVER_MASTER_ADDR": ""], nil),
            (["DLROVER_MASTER_SERVICE_TYPE": "ray"], nil),
            (["DLROVER_MASTER_ADDR": "m:1"], "dlrover+grpc://m:1"),
            (["DLROVER_MASTER_ADDR": "m:1", "DLROVER_MASTER_SERVICE_TYPE": ""], "dlrover+grpc://m:1"),
            (["DLROVER_MASTER_ADDR": "m:1", "DLROVER_MASTER_SERVICE_TYPE": "grpc"], "dlrover+grpc://m:1"),
            (["DLROVER_MASTER_ADDR": "m:1", "DLROVER_MASTER_SERVICE_TYPE": "http"], "dlrover+http://m:1"),
        ] as [([String: String], String?)])
    func `the environment is read as DLRover's agent reads it`(_ environment: [String: String], _ url: String?) throws {
        #expect(try MasterURL.fromEnvironment(environment)?.description == url)
    }

    @Test(arguments: [
        (["DLROVER_MASTER_ADDR": "m"], "DLROVER_MASTER_ADDR is 'm'"),
        (["DLROVER_MASTER_ADDR": "http://m:1"], "must be host:port"),
        (["DLROVER_MASTER_ADDR": "m:1", "DLROVER_MASTER_SERVICE_TYPE": "ray"], "DLROVER_MASTER_SERVICE_TYPE is 'ray'"),
        (["DLROVER_MASTER_ADDR": "m:1", "DLROVER_MASTER_SERVICE_TYPE": "GRPC"], "must be grpc or http"),
    ])
    func `a bad environment names the variable`(_ environment: [String: String], _ text: String) {
        do throws(MasterURLError) {
            _ = try MasterURL.fromEnvironment(environment)
            Issue.record("it was read")
        } catch {
            #expect(error.description.contains(text), "\(error)")
        }
    }
}
