/// A large value that takes memory only while there is one: thousands of files have none.
@propertyWrapper
struct Boxed<Value> {
    private final class Box {
        var value: Value?

        init(_ value: Value?) {
            self.value = value
        }
    }

    private var box: Box?

    init(wrappedValue: Value?) {
        self.wrappedValue = wrappedValue
    }

    /// Is changed in place.
    var wrappedValue: Value? {
        _read {
            if let box { yield box.value } else { yield nil }
        }
        _modify {
            let box = box ?? Box(nil)
            defer { self.box = box.value == nil ? nil : box }
            yield &box.value
        }
    }
}
