package import Hang
private import Glibc
internal import SystemSupport

/// A folder that a bundle is written to: a new one, or one that is empty.
package struct IncidentFolder {
    private let path: String

    package init(path: String) {
        self.path = path
    }

    /// - Throws: `InspectionError` if something is there already; `SystemCallError` if it can't be written.
    package func write(_ files: [IncidentBundle.File]) throws {
        if access(path, F_OK) == 0 {
            guard try Directory(path: path).names().isEmpty else {
                throw InspectionError(.notThere, "\(path) is not empty; name a new folder, or a file that ends in .tar")
            }
        } else {
            try Directory(path: path).make(mode: 0o700)
        }
        for file in files {
            if let slash = file.name.firstIndex(of: "/") {
                try Directory(path: "\(path)/\(file.name[..<slash])").make(mode: 0o700)
            }
            try WholeFile(path: "\(path)/\(file.name)").replace(with: file.content, lasting: .process)
        }
    }
}
