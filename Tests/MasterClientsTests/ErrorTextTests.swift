import Diagnosis
import NIOCore
import PlainHTTP
import Testing

@testable import MasterClients

@Suite struct ErrorTextTests {
    private let grpc = GRPCErrorText(master: "dlrover+grpc://m:1", deadline: .seconds(10))
    private let http = HTTPErrorText(master: "dlrover+http://m:1", deadline: .seconds(10))

    @Test(arguments: [
        (
            2, "Exception calling application: no attribute 'X'", ReportError.Code.refused,
            "refused the report: no attribute"
        ),
        (2, "", .refused, "refused"),
        (3, "bad", .refused, "INVALID_ARGUMENT, 'bad'"),
        (13, "Exception deserializing request!", .refused, "could not read"),
        (13, "other", .unavailable, "INTERNAL, 'other'"),
        (8, "SERVER: Received message larger than max (4194305 vs. 4194304)", .refused, "larger than max"),
        (8, "too many calls", .unavailable, "too much to do: 'too many calls'"),
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
        // An answer that says what came of it, or that nothing was begun.
        #expect(error.isAmbiguous == ![2, 3, 8, 12, 16].contains(code) || text.contains("deserializing"))
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
        let error = grpc.error(of: failure, mayHaveArrived: true)
        #expect(error.isAmbiguous && !grpc.error(of: failure, mayHaveArrived: false).isAmbiguous)
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
        #expect(error.isAmbiguous == !(400...500).contains(status))
    }

    /// What `has_expired` of DLRover 0.6.1 raises on CPython 3.11 for milliseconds, nanoseconds, NaN, infinity, a text, None, year 9999.
    @Test(arguments: [
        "year 59009 is out of range", "[Errno 75] Value too large for defined data type",
        "Invalid value NaN (not a number)", "timestamp out of range for platform time_t",
        "'str' object cannot be interpreted as an integer", "'NoneType' object cannot be interpreted as an integer",
        "date value out of range",
    ])
    func `a poisoned data type is told from a refusal`(_ text: String) {
        let status = GRPCStatus(code: .unknown, message: "Exception calling application: \(text)")
        for error in [grpc.error(of: status), http.error(status: 500, body: text)] {
            #expect(error.code == .refused && error.rule == .poisoned && !error.isAmbiguous)
            #expect(error.message.contains("until it restarts") && error.message.contains(text))
        }
    }

    @Test func `a limit is read from what the master says`() {
        let text = "SERVER: Received message larger than max (4194305 vs. 4194304)"
        #expect(GRPCErrorText.messageLimit(GRPCStatus(code: .resourceExhausted, message: text)) == 4_194_304)
        #expect(GRPCErrorText.messageLimit(GRPCStatus(code: .unknown, message: text)) == nil)
        #expect(GRPCErrorText.messageLimit(GRPCStatus(code: .resourceExhausted, message: "busy 5")) == nil)
    }

    @Test(arguments: [true, false])
    func `a failure over HTTP is ambiguous if the request may have arrived`(_ mayHaveArrived: Bool) {
        let failures: [any Error] = [
            HTTPCallError.deadlineExceeded, HTTPCallError.closedByServer, HTTPCallError.connectTimeout,
            HTTPCallError.cancelled, IOError(errnoCode: 104, reason: "read"),
            HTTPCallError.tooLarge(limit: 5),
        ]
        for failure in failures {
            #expect(http.error(of: failure, mayHaveArrived: mayHaveArrived).isAmbiguous == mayHaveArrived)
        }
    }

    @Test func `a long body is cut after 300 characters`() {
        #expect(HTTPErrorText.plain(String(repeating: "<i>é</i>", count: 500)).count == 301)
        #expect(HTTPErrorText.plain("a < b") == "a ")
    }

    @Test func `HTTP failures have their meanings`() {
        #expect(http.error(of: HTTPCallError.deadlineExceeded, mayHaveArrived: false).code == .deadlineExceeded)
        #expect(http.error(of: HTTPCallError.alreadyClosed, mayHaveArrived: false).code == .closed)
        #expect(http.error(of: HTTPCallError.connectTimeout, mayHaveArrived: false).code == .unavailable)
        #expect(http.error(of: HTTPCallError.closedByServer, mayHaveArrived: false).code == .unavailable)
        #expect(
            http.error(of: HTTPCallError.tooLarge(limit: 5), mayHaveArrived: false).code
                == .unavailable)
        let refused = http.error(of: IOError(errnoCode: 111, reason: "connect"), mayHaveArrived: false)
        #expect(refused.code == .unavailable && refused.message.hasSuffix("Connection refused"), "\(refused)")
    }

    @Test(arguments: [
        ("", ""), ("plain", "plain"), ("%41%c3%A9", "Aé"), ("100%", "100%"), ("%4", "%4"), ("%zz%+1%20", "%zz%+1 "),
        ("%25", "%"),
    ])
    func `grpc-message is decoded`(_ encoded: String, _ text: String) {
        #expect(PercentCoding.decode(encoded) == text)
    }
}
