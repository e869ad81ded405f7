internal import FailureDiagnosis
private import Synchronization
private import SystemSupport

/// The profiles in the order in which they are tried, and what finds their lines.
package final class ProfileTable: Sendable {
    /// What finds the lines of some profiles.
    struct Finder: Sendable {
        let scanner: TermScanner
        /// By the scanner's term.
        let patterns: [[Place]]
        /// Whether one of the term's patterns is of steps, and whether all are.
        let hasSteps: [Bool]
        let isOfStepsAlone: [Bool]
    }

    /// Where a pattern is, in the order of trying.
    struct Place: Hashable, Comparable {
        var profile: Int
        var pattern: Int

        static func < (first: Place, second: Place) -> Bool {
            first.profile != second.profile ? first.profile < second.profile : first.pattern < second.pattern
        }
    }

    let profiles: [ProgressProfile]
    /// Of all profiles, for a log of which none is known.
    let all: Finder
    /// Of one profile and the common ones.
    private let ofOne = Mutex<[Int: Finder]>([:])

    /// Whether another table finds the same.
    package func isSame(as other: ProfileTable) -> Bool { profiles == other.profiles }

    init(_ profiles: [ProgressProfile]) {
        self.profiles = profiles
        all = Self.finder(of: profiles) { _ in true }
    }

    /// The built-in profiles: `Resources/profiles.yaml`, compiled in.
    package static var builtIn: ProfileTable { ProfileTable(builtInProfiles) }

    static let builtInProfiles: [ProgressProfile] = {
        do {
            let text = String(decoding: PackageResources.profiles_yaml, as: UTF8.self)
            return try ProfileFile(text: text, name: "built-in profiles.yaml").profiles()
        } catch {
            // The tests read this file, so a build that passed them never gets here.
            fatalError("\(error)")
        }
    }()

    /// The profiles of these files, then the built-in ones. One of a file takes the place of a built-in one with its name.
    package convenience init(files: [String]) throws(ProfileError) {
        var own: [ProgressProfile] = []
        for path in files {
            let bytes: [UInt8]
            do throws(SystemCallError) {
                bytes = try WholeFile(path: path).read(limit: 1 << 20)
            } catch {
                throw ProfileError(place: path, reason: "cannot \(error.call): \(error.reason)")
            }
            guard bytes.count < 1 << 20, let text = ByteOrderMark.text(bytes) else {
                throw ProfileError(place: path, reason: "it must be UTF-8 text of less than 1 MiB")
            }
            let profiles = try ProfileFile(text: text, name: path).profiles()
            own = own.filter { known in !profiles.contains { $0.name == known.name } } + profiles
        }
        self.init(own + Self.builtInProfiles.filter { known in !own.contains { $0.name == known.name } })
    }

    /// What finds the lines of a log.
    ///
    /// - Parameter profile: the one that gave the log's steps; `nil`: none is known.
    func finder(of profile: Int?) -> Finder {
        guard let profile else { return all }
        return ofOne.withLock { finders in
            if let made = finders[profile] { return made }
            let made = Self.finder(of: profiles) { $0 == profile || profiles[$0].isCommon }
            finders[profile] = made
            return made
        }
    }

    private static func finder(of profiles: [ProgressProfile], where isWanted: (Int) -> Bool) -> Finder {
        var terms: [TermScanner.Term] = []
        var patterns: [[Place]] = []
        for index in profiles.indices where isWanted(index) {
            for (pattern, form) in profiles[index].patterns.enumerated() {
                let term = TermScanner.Term(bytes: form.key, ignoresCase: form.ignoresCase)
                if let known = terms.firstIndex(of: term) {
                    patterns[known].append(Place(profile: index, pattern: pattern))
                } else {
                    terms.append(term)
                    patterns.append([Place(profile: index, pattern: pattern)])
                }
            }
        }
        let isStep = { (place: Place) in profiles[place.profile].patterns[place.pattern].event == .step }
        return Finder(
            scanner: TermScanner(terms), patterns: patterns, hasSteps: patterns.map { $0.contains(where: isStep) },
            isOfStepsAlone: patterns.map { $0.allSatisfy(isStep) })
    }
}
