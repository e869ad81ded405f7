import CXattr
import Glibc
import SystemSupport
import Testing
import TestSupport

/// Files and rights that others have given, as root sees them: only root can give files to others.
@Suite(.enabled(if: geteuid() == 0, "needs root, to make files of other users")) struct OwnFileTests {
    private let scratch = ScratchFolder()
    private let stranger: uid_t = 12_345

    private func refusal(_ name: String, alsoOf other: uid_t? = nil) -> String? {
        do throws(SystemCallError) {
            close(try OwnFile.open(scratch.file(name), O_RDWR | O_CREAT, alsoOf: other))
            return nil
        } catch {
            return error.isRefusal ? error.reason : "\(error)"
        }
    }

    @Test func onlyARegularFileOfOursIsTaken() throws {
        #expect(refusal("new") == nil && refusal("new") == nil)
        symlink("new", scratch.file("link"))
        #expect(refusal("link") == "it is a link, and nothing of ours")
        mkfifo(scratch.file("pipe"), 0o666)
        #expect(refusal("pipe") == "it is not a regular file")
        #expect(refusal(".")?.hasSuffix("Is a directory") == true)
        link(scratch.file("new"), scratch.file("second"))
        #expect(refusal("new") == "it has a second name elsewhere")
        #expect(refusal("theirs") == nil)
        chown(scratch.file("theirs"), stranger, stranger)
        #expect(refusal("theirs") == "it belongs to user 12345, who could change it")
        #expect(refusal("theirs", alsoOf: stranger) == nil)
        #expect(throws: SystemCallError.self) { try OwnFile.check(scratch.file("theirs")) }
        try OwnFile.check(scratch.file("not there"))
        guard case .taken = try FileLock.tryTake(scratch.file("lock")) else {
            Issue.record("nobody holds it")
            return
        }
        #expect(throws: SystemCallError.self) { try FileLock.tryTake(scratch.file("theirs")) }
        #expect(throws: SystemCallError.self) { try FileLock.tryTake(scratch.file("none"), making: false) }
        #expect(access(scratch.file("none"), F_OK) != 0)
    }

    // MARK: access lists

    /// Sets one with the rights of a named user, a named group and the mask; `false` where the file system has none.
    private func setList(_ path: String, user: uid_t, _ rights: UInt16, group: gid_t, _ others: UInt16, mask: UInt16)
        -> Bool
    {
        let none = UInt32.max
        let entries: [(UInt16, UInt16, UInt32)] = [
            (0x01, 7, none), (0x02, rights, user), (0x04, 5, none), (0x08, others, group), (0x10, mask, none),
            (0x20, 5, none),
        ]
        var bytes: [UInt8] = [2, 0, 0, 0]
        for (tag, rights, id) in entries {
            bytes += [UInt8(tag & 255), UInt8(tag >> 8), UInt8(rights), 0]
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: id >> ($0 * 8)) }
        }
        return setxattr(path, "system.posix_acl_access", bytes, bytes.count, 0) == 0
    }

    @Test(arguments: [
        (UInt32(12_345), UInt16(7), UInt32(0), UInt16(5), UInt16(7), false), (12_345, 5, 0, 5, 7, true),
        (12_345, 7, 0, 5, 5, true), (0, 7, 0, 7, 7, true), (0, 7, 12_345, 7, 7, false), (0, 7, 12_345, 2, 3, false),
    ])
    func anAccessListCountsAsTheMode(
        user: UInt32, rights: UInt16, group: UInt32, others: UInt16, mask: UInt16, isTrusted: Bool
    ) throws {
        let folder = scratch.file("folder")
        mkdir(folder, 0o755)
        guard setList(folder, user: user, rights, group: group, others, mask: mask) else { return }
        do throws(TrustedPathError) {
            _ = try TrustedPath.resolve(folder + "/x")
            try TrustedPath.checkOwnFolder(folder)
            #expect(isTrusted)
        } catch {
            #expect(!isTrusted && error.problem == .accessList)
            #expect("\(error)".contains("has an access list"))
        }
    }

    // MARK: folders

    @Test func aFolderIsMadeInNobodyElsesFolder() throws {
        try TrustedPath.makeFolder(scratch.file("a/b/c"), mode: 0o700)
        var status = stat()
        #expect(stat(scratch.file("a/b"), &status) == 0 && status.st_mode & 0o777 == 0o755)
        #expect(stat(scratch.file("a/b/c"), &status) == 0 && status.st_mode & 0o777 == 0o700)
        try TrustedPath.checkOwnFolder(scratch.file("a/b/c"))
        let sticky = scratch.file("sticky")
        mkdir(sticky, 0o700)
        chmod(sticky, 0o1777)
        #expect(throws: TrustedPathError(path: sticky, problem: .mode(0o1777))) {
            try TrustedPath.checkOwnFolder(sticky)
        }
        mkdir(sticky + "/x", 0o777)
        chown(sticky + "/x", stranger, stranger)
        #expect(throws: TrustedPathError(path: sticky + "/x", problem: .owner(stranger))) {
            try TrustedPath.makeFolder(sticky + "/x/state", mode: 0o700)
        }
        #expect(access(sticky + "/x/state", F_OK) != 0)
    }

    /// A stranger makes and removes the folder above all the time; whatever comes of it, none of theirs is taken.
    @Test func aRaceForTheFolderAboveIsNotLost() async throws {
        let sticky = scratch.file("sticky")
        mkdir(sticky, 0o700)
        chmod(sticky, 0o1777)
        let above = sticky + "/x"
        let racer = Task.detached { [stranger] in
            while !Task.isCancelled {
                if mkdir(above, 0o777) == 0 { chown(above, stranger, stranger) }
                rmdir(above)
            }
        }
        for _ in 0..<2000 {
            do {
                try TrustedPath.makeFolder(above + "/state", mode: 0o700)
                var status = stat()
                // The racer gives folders away only right after it has made them.
                if lstat(above, &status) == 0 { #expect(status.st_uid == 0) }
            } catch {}
            rmdir(above + "/state")
            rmdir(above)
        }
        racer.cancel()
        await racer.value
    }

    @Test func anotherUsersFoldersCountWhereThatIsMeant() {
        let home = scratch.file("home")
        mkdir(home, 0o755)
        mkdir(home + "/state", 0o750)
        for path in [home, home + "/state"] { chown(path, stranger, stranger) }
        func problem(_ path: String, _ other: uid_t?) -> TrustedPathError.Problem? {
            do throws(TrustedPathError) {
                _ = try TrustedPath.resolve(path, alsoOf: other)
                return nil
            } catch {
                return error.problem
            }
        }
        #expect(problem(home + "/state/x", nil) == .owner(stranger))
        #expect(problem(home + "/state/x", stranger) == nil)
        #expect(problem(home + "/state/x", stranger + 1) == .owner(stranger))
        chmod(scratch.path, 0o1777)
        #expect(problem(home + "/state/x", stranger) == .owner(stranger), "anybody could have made it there")
    }
}
