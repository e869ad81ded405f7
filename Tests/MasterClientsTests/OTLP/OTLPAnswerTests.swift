import Diagnosis
import FoundationEssentials
import OTLPMessages

import SwiftProtobuf
import Testing

@testable import MasterClients
@testable import PlainHTTP

/// What a receiver's answers mean, by the lists of OTLP's specification.
@Suite struct OTLPAnswerTests {
    private let errors = OTLPErrorText(master: "otlp+http://r:4318", deadline: .seconds(10))

    private func answer(_ status: Int, _ body: [UInt8] = [], type: String? = nil, retryAfter: String? = nil)
        -> HTTPAnswer
    {
        HTTPAnswer(status: status, body: body, contentType: type, retryAfter: retryAfter)
    }

    @Test func `four HTTP statuses are tried again, and two stop the sending`() {
        for status in 300...599 {
            let error = errors.error(of: answer(status, Array("said".utf8)), now: 0)
            let isRetriable = [429, 502, 503, 504].contains(status) || status < 400
            #expect(error.isRetriable == isRetriable, "\(status)")
            if !isRetriable { #expect(error.code == ([401, 403].contains(status) ? .wrongJob : .refused)) }
            #expect(error.message.contains("said") && error.message.contains("\(status)"))
        }
    }

    @Test func `six gRPC statuses are tried again, and one if it says when`() {
        for code in 1...16 {
            let status = GRPCStatus(code: .init(rawValue: code), message: "said")
            let error = errors.error(of: status)
            #expect(error.isRetriable == [1, 4, 10, 11, 14, 15].contains(code), "\(code)")
            if !error.isRetriable { #expect(error.code == ([7, 16].contains(code) ? .wrongJob : .refused)) }
        }
        var exhausted = GRPCStatus(code: .resourceExhausted, message: "slow down")
        exhausted.details = details(seconds: 3, nanos: 500_000_000)
        #expect(errors.error(of: exhausted).isRetriable)
        #expect(errors.error(of: exhausted).retryAfter == .milliseconds(3500))
        exhausted.details = [0xFF, 0xFF]
        #expect(errors.error(of: exhausted).code == .refused)
    }

    private func details(seconds: Int64, nanos: Int32) -> [UInt8] {
        var info = Google_Rpc_RetryInfo()
        info.retryDelay.seconds = seconds
        info.retryDelay.nanos = nanos
        var status = Google_Rpc_Status()
        status.details = [(try? Google_Protobuf_Any(message: info)) ?? .init()]
        return status.wireBytes
    }

    @Test(arguments: [
        ("120", 120), (" 7", 7), ("0", 0), ("99999999999999999999", 999_999_999), ("-1", nil), ("soon", nil), ("", nil),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 60), ("Wed, 21 Oct 2015 07:26:00 GMT", 0),
        ("Wed, 21 Okt 2015 07:28:00 GMT", nil),
        ("Wed, 21 Oct 2015 07:28:00 CET", nil), ("Wed, 99 Oct 2015 07:28:00 GMT", nil),
    ])
    func `Retry-After is seconds or a date`(_ text: String, _ seconds: Int?) {
        let now: Int64 = 1_445_412_420  // 2015-10-21T07:27:00Z
        #expect(RetryAfter.read(text, now: now) == seconds.map { .seconds($0) })
        #expect(errors.error(of: answer(503, retryAfter: text), now: now).retryAfter == seconds.map { .seconds($0) })
        #expect(errors.error(of: answer(400, retryAfter: text), now: now).retryAfter == nil)
    }

    @Test func `an error's text is the message of a status, or the body's`() {
        var status = Google_Rpc_Status()
        status.message = "the tenant is unknown"
        let error = errors.error(of: answer(400, status.wireBytes, type: "application/x-protobuf"))
        #expect(error.message.contains("'the tenant is unknown'"))
        #expect(errors.error(of: answer(400, Array("<b>no</b>".utf8))).message.contains("'no'"))
    }

    @Test func `a success says what was rejected`() throws {
        var response = Opentelemetry_Proto_Collector_Logs_V1_ExportLogsServiceResponse()
        response.partialSuccess.rejectedLogRecords = 3
        response.partialSuccess.errorMessage = "too old"
        let read = try #require(OTLPAnswer(answer(200, response.wireBytes), to: .logs))
        #expect(read.rejected == 3 && read.message == "too old")
        let json = Array(#"{"partialSuccess":{"rejectedDataPoints":"2","errorMessage":"no"}}"#.utf8)
        let other = try #require(OTLPAnswer(answer(200, json, type: "application/json; charset=utf-8"), to: .metrics))
        #expect(other.rejected == 2 && other.message == "no")
        #expect(OTLPAnswer(answer(204), to: .logs) == OTLPAnswer())
        #expect(OTLPAnswer(answer(200, Array("{}".utf8), type: "application/json"), to: .logs) == OTLPAnswer())
    }

    @Test(arguments: ["<html>", "\u{0}\u{1}", "{}", "OK"])
    func `other bodies are no success`(_ body: String) {
        #expect(OTLPAnswer(answer(200, Array(body.utf8), type: "text/html"), to: .logs) == nil)
        #expect(OTLPAnswer(answer(200, Array("[1]".utf8), type: "application/json"), to: .logs) == nil)
    }

    @Test func `names and values of headers`() {
        #expect(OTLPHeader(name: "X-Scope-OrgID", value: "a b")?.name == "x-scope-orgid")
        for name in ["", "a b", "content-type", "Host", "grpc-timeout", "x-bin", "ü", ":path"] {
            #expect(OTLPHeader(name: name, value: "x") == nil, "\(name)")
        }
        for value in ["", "a\nb", "ü"] { #expect(OTLPHeader(name: "x", value: value) == nil) }
    }
}
