/// What DLRover's HTTP master answers: `BaseResponse` of `dlrover/python/common/comm.py`, pickled.
struct BaseResponse: Hashable, Sendable {
    /// For a report, whether it was taken. For a `get` it is false exactly when `data` is not empty.
    var success: Bool
    var data: [UInt8]

    init(success: Bool, data: [UInt8]) {
        self.success = success
        self.data = data
    }

    init(pickle: ArraySlice<UInt8>, limits: PickleLimits = PickleLimits()) throws(PickleError) {
        guard case .object(let object) = try PickleReader.read(pickle, limits: limits), object.type == .baseResponse,
            let success = object.bool("success"), let data = object.bytes("data")
        else { throw PickleError(offset: 0, reason: "it is no BaseResponse with success and data") }
        self.init(success: success, data: data)
    }
}
