import Glibc
import SystemSupport
import Testing
import TestSupport

/// What other users could change, as root sees it: only root can give files to others.
@Suite(.enabled(if: geteuid() == 0, "needs root, to make files of other users")) struct TrustedPathTests {
    private let scratch = ScratchFolder()
    private let stranger: uid_t = 12_345

    private func folder(_ name: String, mode: mode_t = 0o755, owner: uid_t = 0) -> String {
        let path = scratch.file(name)
        mkdir(path, 0o700)
        chown(path, owner, owner)
        chmod(path, mode)
        return path
    }

    private func file(_ path: String, owner: uid_t = 0) -> String {
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        chown(path, owner, owner)
        return path
    }

    private func link(_ path: String, to target: String, owner: uid_t = 0) -> String {
        symlink(target, path)
        lchown(path, owner, owner)
        return path
    }

    private func problem(_ path: String) -> TrustedPathError.Problem? {
        do throws(TrustedPathError) {
            _ = try TrustedPath.resolve(path)
            return nil
        } catch {
            return error.problem
        }
    }

    @Test func whatOnlyRootCanChangeIsTrusted() throws {
        let plain = folder("plain")
        #expect(try TrustedPath.resolve(plain + "/new") == plain + "/new")
        #expect(try TrustedPath.resolve(plain + "/./x/../new") == plain + "/x/../new")
        let direct = link(scratch.file("direct"), to: plain)
        let relative = link(plain + "/up", to: "../plain/./file")
        #expect(try TrustedPath.resolve(direct + "/up") == plain + "/file")
        #expect(try TrustedPath.resolve(relative) == plain + "/file")
        #expect(try TrustedPath.resolve("/proc/self/fd/1") == "/proc/self/fd/1")
        #expect(try TrustedPath.resolve("/tmp/..") == "/")
    }

    @Test func aFolderThatOthersCanWriteToIsNot() {
        #expect(problem(folder("open", mode: 0o777) + "/x") == .mode(0o777))
        #expect(problem(folder("group", mode: 0o775, owner: 0) + "/x") == nil)
        let foreignGroup = folder("foreign-group", mode: 0o775)
        chown(foreignGroup, 0, stranger)
        #expect(problem(foreignGroup + "/x") == .mode(0o775))
        #expect(problem(folder("theirs", owner: stranger) + "/x") == .owner(stranger))
        // The last one is for its user to judge, unless somebody else could take its place.
        #expect(problem(folder("last", mode: 0o777)) == nil)
        #expect(problem(folder("their-last", owner: stranger)) == nil)
    }

    @Test func inAStickyFolderOnlyWhatIsOursIsTrusted() {
        let sticky = folder("sticky", mode: 0o1777)
        #expect(problem(sticky + "/new") == nil)
        #expect(problem(file(sticky + "/ours")) == nil)
        #expect(problem(file(sticky + "/theirs", owner: stranger)) == .owner(stranger))
        #expect(problem(link(sticky + "/our-link", to: "/etc/passwd")) == nil)
        #expect(problem(link(sticky + "/their-link", to: "/etc/passwd", owner: stranger)) == .owner(stranger))
        mkdir(sticky + "/d", 0o700)
        chown(sticky + "/d", stranger, stranger)
        #expect(problem(sticky + "/d/x") == .owner(stranger))
    }

    @Test func linksOfOthersAndLinksInCirclesEndIt() {
        let plain = folder("circle")
        _ = link(plain + "/a", to: "b")
        _ = link(plain + "/b", to: "a")
        #expect(problem(plain + "/a/x") == .unreadable(ELOOP))
        #expect(problem(link(plain + "/c", to: folder("elsewhere", mode: 0o777) + "/x")) == .mode(0o777))
        #expect(problem(file(plain + "/file") + "/x/y") == .unreadable(ENOTDIR))
    }
}
