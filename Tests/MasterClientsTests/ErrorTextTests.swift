import AsyncHTTPClient
import Diagnosis
import NIOCore
import Testing

@testable import MasterClients

@Suite struct ErrorTextTests {
    private let grpc = GRPCErrorText(master: "dlrover+grpc://m:1", deadline: .seconds(10))
    private let http = HTTPErrorText(master: "dlrover+http://m:1", deadline: .seconds(10))

    @Test(arguments: [
        (
            2, "Exception calling application: year 58865 is out of range", ReportError.Code.refused,
            "refused the report: year"
        ),
        (2, "", .refused, "refused"),
        (3, "bad", .refused, "INVALID_ARGUMENT, 'bad'"),
        (13, "Exception deserializing request!", .refused, "could not read"),
        (13, "other", .unavailable, "INTERNAL, 'other'"),
        (8, "SERVER: Received message larger than max (4194305 vs. 4194304)", .refused, "larger than max"),
        (8, "too many calls", .unavailable, "RESOURCE_EXHAUSTED, 'too many calls'"),
        (16, "Job uid is invalid", .wrongJob, "'Job uid is invalid'; check JOB_UID"),
        (12, "Method not found!", .unavailable, "is this a DLRover master"),
        (4, "", .deadlineExceeded, "deadline"),
        (14, "down", .unavailable, "UNAVAILABLE, 'down'"),
        (1, "", .unavailable, "CANCELLED, no reason"),
        (7, "rbac", .unavailable, "PERMISSION_DENIED"),
        (99, "odd", .unavailable, "status 99"),
        (-1, "odd", .unavailable, "status -1"),
    ])
    func `each gRPC status has its meaning`(_ code: Int, _ text: String, _ meaning: ReportError.Code, _ part: String) {
        let error = grpc.error(of: GRPCStatus(code: .init(rawValue: code), message: text))
        #expect(error.code == meaning)
        #expect(error.message.contains(part) && error.message.contains("dlrover+grpc://m:1"), "\(error)")
    }

    @Test(arguments: [
        (GRPCFailure.unavailable("refused"), ReportError.Code.unavailable, "cannot be reached: refused"),
        (.deadlineExceeded, .deadlineExceeded, "10.0 seconds"),
        (.notGRPC("it sent tea"), .unavailable, "it sent tea; is this a DLRover master"),
        (.cancelled, .closed, "cancelled"), (.closed, .closed, "closed"),
    ])
    func `each failure to get a status has its meaning`(
        _ failure: GRPCFailure, _ meaning: ReportError.Code, _ part: String
    ) {
        let error = grpc.error(of: failure)
        #expect(error.code == meaning)
        #expect(error.message.contains(part), "\(error)")
    }

    @Test(arguments: [
        (
            406, "<html><title>406: Job uid is invalid</title></html>", ReportError.Code.wrongJob,
            "'406: Job uid is invalid'"
        ),
        (500, "<b>unhashable type:\n 'list'</b>", .refused, "refused the report: unhashable type: 'list'"),
        (413, "", .refused, "too large"),
        (404, "Not Found", .unavailable, "is this a DLRover master"), (405, "", .unavailable, "status 405"),
        (301, "", .unavailable, "status 301"), (429, "", .unavailable, "429"),
        (502, "bad gateway", .unavailable, "'bad gateway'"),
        (503, "", .unavailable, "503"), (504, "", .unavailable, "504"), (418, "", .unavailable, "418"),
    ])
    func `each HTTP status has its meaning`(_ status: Int, _ body: String, _ meaning: ReportError.Code, _ part: String)
    {
        let error = http.error(status: status, body: body)
        #expect(error.code == meaning)
        #expect(error.message.contains(part) && error.message.contains("dlrover+http://m:1"), "\(error)")
    }

    @Test func `a long body is cut after 300 characters`() {
        #expect(HTTPErrorText.plain(String(repeating: "<i>é</i>", count: 500)).count == 301)
        #expect(HTTPErrorText.plain("a < b") == "a ")
    }

    @Test func `HTTP failures have their meanings`() {
        #expect(http.error(of: HTTPClientError.deadlineExceeded).code == .deadlineExceeded)
        #expect(http.error(of: HTTPClientError.alreadyShutdown).code == .closed)
        #expect(http.error(of: HTTPClientError.connectTimeout).code == .unavailable)
        #expect(http.error(of: HTTPClientError.remoteConnectionClosed).code == .unavailable)
        #expect(http.error(of: ResponseAccumulator.ResponseTooBigError(maxBodySize: 5)).code == .unavailable)
        let refused = http.error(of: IOError(errnoCode: 111, reason: "connect"))
        #expect(refused.code == .unavailable && refused.message.hasSuffix("Connection refused"), "\(refused)")
    }

    @Test(arguments: [
        ("", ""), ("plain", "plain"), ("%41%c3%A9", "Aé"), ("100%", "100%"), ("%4", "%4"), ("%zz%+1%20", "%zz%+1 "),
        ("%25", "%"),
    ])
    func `grpc-message is decoded`(_ encoded: String, _ text: String) {
        #expect(PercentDecoding.decode(encoded) == text)
    }
}
