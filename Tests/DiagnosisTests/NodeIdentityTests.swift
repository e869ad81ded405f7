import Diagnosis
import Testing

@Suite struct NodeIdentityTests {
    @Test func hasTheDefaultsOfDLRoversAgent() throws {
        #expect(try NodeIdentity(environment: [:]) == NodeIdentity(id: 0, type: "worker", rank: 0))
    }

    @Test func readsTheVariablesOfDLRoversAgent() throws {
        let environment = ["NODE_ID": "7", "NODE_TYPE": "ps", "NODE_RANK": "3", "WORKER_RANK": "9"]
        #expect(try NodeIdentity(environment: environment) == NodeIdentity(id: 7, type: "ps", rank: 3))
        #expect(try NodeIdentity(environment: ["WORKER_RANK": "9", "NODE_RANK": ""]).rank == 9)
    }

    @Test(arguments: [
        ("NODE_ID", "x", "whole number"), ("NODE_RANK", "1.5", "whole number"), ("NODE_TYPE", "a/b", "A-Z"),
    ])
    func namesTheVariableThatIsWrong(name: String, value: String, allowed: String) throws {
        let error = try #require(throws: NodeIdentityError.self) { _ = try NodeIdentity(environment: [name: value]) }
        #expect("\(error)".contains(name))
        #expect("\(error)".contains(allowed))
    }
}
