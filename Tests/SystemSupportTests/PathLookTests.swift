import Foundation
import Glibc
import TestSupport
import Testing

@testable import SystemSupport

@Suite struct PathLookTests {
    private let scratch = ScratchFolder()

    @Test func whatIsThereIsTold() throws {
        try scratch.write("a", to: "file")
        mkfifo(scratch.file("pipe"), 0o600)
        symlink(scratch.file("file"), scratch.file("link"))
        #expect(PathLook(scratch.file("file")) == .regular)
        #expect(PathLook(scratch.file("link")) == .regular)
        #expect(PathLook(scratch.path) == .folder)
        #expect(PathLook(scratch.file("none")) == .missing)
        #expect(PathLook(scratch.file("file/x")) == .hidden("Not a directory"))
        #expect(PathLook(scratch.file("pipe")).kind == "a named pipe")
        #expect(PathLook("/dev/null").kind == PathLook.device)
    }

    @Test func whereAFolderCanBeMade() throws {
        try scratch.write("a", to: "file")
        #expect(Directory(path: scratch.path).obstacleToMaking == nil)
        #expect(Directory(path: scratch.file("a/b/c")).obstacleToMaking == nil)
        #expect(Directory(path: scratch.file("file")).obstacleToMaking == "\(scratch.file("file")) is no folder")
        #expect(Directory(path: scratch.file("file/x")).obstacleToMaking?.hasPrefix("cannot look at") == true)
        #expect(Directory(path: "/proc/none").obstacleToMaking != nil)
        #expect(scratch.names == ["file"])
    }

    @Test func aFileIsStillWhereItWasUnlessItIsGone() throws {
        try scratch.write("a", to: "file")
        let file = try #require(FileNumber(path: scratch.file("file")))
        #expect(file.isStill(at: scratch.file("file")))
        // What can't be looked at may well be there.
        #expect(file.isStill(at: scratch.file(String(repeating: "n", count: 300))))
        #expect(!file.isStill(at: scratch.file("none")) && !file.isStill(at: scratch.file("file/x")))
        try scratch.write("b", to: "other")
        #expect(!file.isStill(at: scratch.file("other")))
    }

    @Test func whichFileItIs() throws {
        try scratch.write("a", to: "file")
        try scratch.write("a", to: "other")
        symlink(scratch.file("file"), scratch.file("link"))
        link(scratch.file("file"), scratch.file("twin"))
        let file = FileNumber(path: scratch.file("file"))
        #expect(file != nil)
        #expect(file == FileNumber(path: scratch.file("twin")))
        #expect(file == FileNumber(path: scratch.file("link"), followsLinks: true))
        #expect(file != FileNumber(path: scratch.file("link")))
        #expect(file != FileNumber(path: scratch.file("other")))
        #expect(FileNumber(path: scratch.file("none")) == nil)
    }

    @Test(arguments: [("status", "status", 0), ("stauts", "status", 2), ("", "abc", 3), ("kitten", "sitting", 3)])
    func howFarWordsAreApart(word: String, other: String, distance: Int) {
        #expect(EditDistance.between(word, other) == distance)
    }

    @Test func theNearestWord() {
        #expect(EditDistance.nearest(to: "Stauts", of: ["audit", "status"]) == "status")
        #expect(EditDistance.nearest(to: "nope", of: ["audit", "tap"]) == nil)
        #expect(EditDistance.nearest(to: String(repeating: "x", count: 10_000), of: ["audit"]) == nil)
    }
}
