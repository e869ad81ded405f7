@testable import Console
import WebServing
import Testing

struct QueryParametersTests {
    @Test func timesAreSecondsOrBeforeNow() throws {
        let parameters = try QueryParameters(query: "a=-10m&b=-2h&c=-45s&d=-3d&e=1796000000.5&f=&g=-1.5m")
        #expect(try parameters.time("a", now: 1e6) == 1e6 - 600)
        #expect(try parameters.time("b", now: 1e6) == 1e6 - 7200)
        #expect(try parameters.time("c", now: 1e6) == 1e6 - 45)
        #expect(try parameters.time("d", now: 1e6) == 1e6 - 259_200)
        #expect(try parameters.time("e", now: 1e6) == 1_796_000_000.5)
        #expect(try parameters.time("f", now: 1e6) == nil)
        #expect(try parameters.time("g", now: 1e6) == 1e6 - 90)
        #expect(try parameters.time("missing", now: 1e6) == nil)
    }

    @Test(arguments: [
        "10m", "-", "-m", "--1m", "-10y", "nan", "inf", "-infs", "-nanm", "1e99", "-1", "yesterday", "%F0%9F%92%A9",
    ])
    func whatIsNoTimeIsRefused(_ text: String) throws {
        let refusal = #expect(throws: Refusal.self) {
            try QueryParameters(query: "since=\(text)").time("since", now: 1e6)
        }
        #expect(refusal?.sentence.hasPrefix("since must be") == true)
    }

    @Test func spansListsNumbersAndChoicesAreChecked() throws {
        #expect(throws: Refusal.self) { try QueryParameters(query: "since=5&until=5").span(now: 9) }
        #expect(try QueryParameters(query: "node_rank=0,3,7").integers("node_rank") == [0, 3, 7])
        #expect(throws: Refusal.self) { try QueryParameters(query: "node_rank=0,x").integers("node_rank") }
        #expect(throws: Refusal.self) { try QueryParameters(query: "node_rank=-1").integers("node_rank") }
        for limit in ["0", "5001", "-1", "1.5", "9223372036854775808", "x", "%2B5"] {
            #expect(throws: Refusal.self) {
                try QueryParameters(query: "limit=\(limit)").limit(default: 200, most: 5000)
            }
        }
        #expect(try QueryParameters(query: "limit=5000").limit(default: 200, most: 5000) == 5000)
        #expect(try QueryParameters(query: "order=desc").choice("order", ["asc": 1, "desc": 2]) == 2)
        #expect(throws: Refusal.self) { try QueryParameters(query: "order=up").choice("order", ["asc": 1]) }
        #expect(try QueryParameters(query: "marked=1").isSet("marked"))
        #expect(throws: Refusal.self) { try QueryParameters(query: "marked=maybe").isSet("marked") }
    }

    @Test func textIsDecodedStrictly() throws {
        #expect(try QueryParameters(query: "query=a+b%20%22c%22%C3%A4").text("query") == "a b \"c\"ä")
        #expect(try QueryParameters(query: "query=a=b").text("query") == "a=b")
        for text in ["%", "%4", "%zz", "%ff", "%C3", "%00", "%ED%A0%80"] {
            #expect(throws: Refusal.self) { try QueryParameters(query: "query=\(text)") }
        }
        #expect(throws: Refusal.self) { try QueryParameters(query: "a=1&a=2") }
        #expect(throws: Refusal.self) { try QueryParameters(query: (0..<65).map { "p\($0)=1" }.joined(separator: "&")) }
        #expect(throws: Refusal.self) { try QueryParameters(query: "limitt=5").allow("limit") }
    }
}
