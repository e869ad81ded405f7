import Collectors
import Diagnosis
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct LogRotationTests {
    let fixture = LogFixture()

    @Test func readsARenamedFileToItsEndAndThenTheNewOne() async throws {
        try fixture.append("one\n")
        let collector = await fixture.collector()
        await collector.drain()
        try fixture.append("two\nlast words")
        fixture.folder.rename(fixture.name, to: "train.log.1")
        try fixture.append("three\n")
        await collector.drain()
        #expect(fixture.lines == ["one", "two", "last words", "three"])
    }

    @Test func staysWithTheOldFileWhileTheNewOneIsEmpty() async throws {
        try fixture.append("one\n")
        let collector = await fixture.collector()
        await collector.drain()
        fixture.folder.rename(fixture.name, to: "train.log.1")
        try fixture.append("")
        await collector.drain()
        try fixture.folder.append("late\n", to: "train.log.1")
        await collector.drain()
        try fixture.append("new\n")
        await collector.drain()
        #expect(fixture.lines == ["one", "late", "new"])
    }

    @Test func keepsWhatCouldNotBeReportedOverARotation() async throws {
        try fixture.append("one\n")
        let collector = await fixture.collector()
        fixture.client.fail("down")
        await collector.drain()
        fixture.folder.rename(fixture.name, to: "train.log.1")
        try fixture.append("two\n")
        await collector.drain()
        fixture.client.fail(nil)
        await collector.drain()
        #expect(fixture.lines == ["one", "two"])
    }

    @Test func findsTheRenamedFileAfterARestart() async throws {
        try fixture.append("one\n")
        await fixture.collector().drain()
        try fixture.append("two\nthree")
        fixture.folder.rename(fixture.name, to: "old-name-of-another-kind")
        try fixture.append("four\n")
        await fixture.collector().drain()
        #expect(fixture.lines == ["one", "two", "three", "four"])
        #expect(fixture.log.count("info Reading the rest of the earlier log file first.") == 1)
    }

    @Test(arguments: [false, true]) func readsTheRestOfACompressedFile(isDamaged: Bool) async throws {
        let lines = (0..<3000).map { "line \($0) \($0 * 7919 % 10_007)" }
        try fixture.append(lines[..<1000].joined(separator: "\n") + "\n")
        await fixture.collector().drain()
        try fixture.append(lines[1000...].joined(separator: "\n") + "\n")
        fixture.folder.rename(fixture.name, to: "train.log.1")
        let gzip = fixture.folder.file("train.log.1")
        #expect(system("gzip \(gzip)") == 0)
        if isDamaged { #expect(truncate(gzip + ".gz", 5000) == 0) }
        try fixture.append("next\n")
        await fixture.collector().drain()
        #expect(fixture.lines == lines[..<(isDamaged ? 1000 : 3000)] + ["next"])
        // The new file may have got the old one's number.
        let told = ["the earlier file cannot be found", "truncated or overwritten"].map { fixture.log.count($0) }
        #expect(told.reduce(0, +) == (isDamaged ? 1 : 0))
    }

    @Test func readsFilesThatWereCompressedUnseenInTheirOrder() async throws {
        try fixture.append("one\n")
        await fixture.collector().drain()
        for (number, text) in [(3, "two\n"), (2, "three\n"), (1, "four\n")] {
            if number < 3 {
                try fixture.folder.write(text, to: "train.log.\(number)")
            } else {
                try fixture.append(text)
            }
            if number == 3 { fixture.folder.rename(fixture.name, to: "train.log.3") }
            #expect(system("gzip \(fixture.folder.file("train.log.\(number)"))") == 0)
        }
        try fixture.append("five\n")
        await fixture.collector().drain()
        #expect(fixture.lines == ["one", "two", "three", "four", "five"])
    }

    @Test func saysSoIfTheEarlierFileIsGoneAfterARestart() async throws {
        try fixture.append("one\n")
        await fixture.collector().drain()
        // Made before the other is removed, so that it has another inode.
        try fixture.folder.append("two\n", to: "next")
        fixture.folder.rename("next", to: fixture.name)
        await fixture.collector(.init(startFrom: .end)).drain()
        #expect(fixture.lines == ["one", "two"])
        #expect(fixture.log.count("warning The log was replaced, and the earlier file cannot be found") == 1)
    }

    @Test func startsAtTheBeginningOfATruncatedFile() async throws {
        try fixture.append("one\ntwo\n")
        let collector = await fixture.collector()
        await collector.drain()
        fixture.folder.truncate(fixture.name)
        await collector.drain()
        try fixture.append("x\n")
        await collector.drain()
        #expect(fixture.lines == ["one", "two", "x"])
        #expect(fixture.log.count("warning The log was truncated") == 1)
    }

    @Test func recognisesATruncatedFileThatHasGrownPastTheOldPlace() async throws {
        try fixture.append("one\ntwo\n")
        let collector = await fixture.collector()
        await collector.drain()
        fixture.folder.truncate(fixture.name)
        try fixture.append("three\nfour\nfive\n")
        await collector.drain()
        #expect(fixture.lines == ["one", "two", "three", "four", "five"])
    }

    @Test func recognisesAFileThatWasWrittenAnewToTheSameSize() async throws {
        try fixture.append("one\n")
        let collector = await fixture.collector()
        await collector.drain()
        fixture.folder.truncate(fixture.name)
        try fixture.append("two\n")
        await collector.drain()
        #expect(fixture.lines == ["one", "two"])
    }

    @Test func recognisesItBehindALongCommonHeadToo() async throws {
        let banner = String(repeating: "=", count: 1000) + "\n"
        try fixture.append(banner + "one\n")
        let collector = await fixture.collector()
        await collector.drain()
        fixture.folder.truncate(fixture.name)
        try fixture.append(banner + "two\nthree\n")
        await collector.drain()
        #expect(fixture.lines == [String(banner.dropLast()), "one", String(banner.dropLast()), "two", "three"])
    }

    @Test func recognisesATruncationWhileItWasAway() async throws {
        try fixture.append("one\ntwo\n")
        await fixture.collector().drain()
        fixture.folder.truncate(fixture.name)
        try fixture.append("three\nfour\nfive\n")
        await fixture.collector().drain()
        #expect(fixture.lines == ["one", "two", "three", "four", "five"])
        #expect(fixture.log.count("warning The log was truncated or overwritten since it was last read") == 1)
    }

    @Test(arguments: [false, true])
    func readsTheRestFromTheCopyOfCopyTruncate(afterRestart: Bool) async throws {
        try fixture.append("one\n")
        var collector = await fixture.collector()
        await collector.drain()
        try fixture.append("two\nthree\nunfin")
        if !afterRestart { #expect(await collector.collectData()?.content == "two\nthree") }
        try copyTruncate()
        try fixture.append("four\nfive\nsix\nseven\n")
        if afterRestart { collector = await fixture.collector() }
        await collector.drain()
        #expect(fixture.lines == ["one", "two", "three", "unfin", "four", "five", "six", "seven"])
    }

    @Test func reportsWhatItHasReadWhenTheFileIsTruncatedWithoutACopy() async throws {
        try fixture.append("one\ntwo\nunfin")
        let collector = await fixture.collector(.init(chunkBytes: 3))
        let first = try #require(await collector.collectData())
        fixture.folder.truncate(fixture.name)
        try fixture.append("new\n")
        #expect(await collector.storeData(first))
        await collector.drain()
        #expect(fixture.lines == ["one", "two", "unfin", "new"])
    }

    @Test func readsADeletedFileToItsEnd() async throws {
        try fixture.append("one\n")
        let collector = await fixture.collector()
        await collector.drain()
        try fixture.append("two\nlast words")
        unlink(fixture.path)
        #expect(await collector.isEnabled())
        await collector.drain()
        #expect(fixture.lines == ["one", "two"])
        await collector.drain()
        #expect(fixture.lines == ["one", "two", "last words"])
        #expect(fixture.log.count("info The log file was moved or deleted") == 1)
        try fixture.append("new\n")
        await collector.drain()
        #expect(fixture.lines == ["one", "two", "last words", "new"])
    }

    @Test func followsASymbolicLinkToItsNewTarget() async throws {
        try fixture.folder.append("one\n", to: "a.log")
        try fixture.folder.append("two\n", to: "b.log")
        symlink(fixture.folder.file("a.log"), fixture.path)
        let collector = await fixture.collector()
        await collector.drain()
        symlink(fixture.folder.file("b.log"), fixture.folder.file("link"))
        fixture.folder.rename("link", to: fixture.name)
        await collector.drain()
        #expect(fixture.lines == ["one", "two"])
    }

    @Test func readsARecycledInodeFromItsStart() async throws {
        try fixture.append("one\ntwo\nthree\n")
        await fixture.collector().drain()
        let key = "log:\(fixture.path)"
        let position = try #require(await fixture.client.lastPosition(of: key))
        // Another file with the inode that the position names: only the content can tell.
        try fixture.folder.append("something else, and longer\n", to: "other")
        fixture.folder.rename("other", to: fixture.name)
        var bytes = position.bytes
        var status = stat()
        #expect(stat(fixture.path, &status) == 0)
        withUnsafeBytes(of: UInt64(status.st_ino).bigEndian) { bytes.replaceSubrange(9..<17, with: $0) }
        fixture.client.setPosition(SourcePosition(key: key, bytes: bytes))
        await fixture.collector().drain()
        #expect(fixture.lines == ["one", "two", "three", "something else, and longer"])
    }

    private func copyTruncate() throws {
        let file = try #require(fopen(fixture.path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = fread(&bytes, 1, bytes.count, file)
        try fixture.folder.append(bytes.prefix(count), to: "train.log.1")
        fixture.folder.truncate(fixture.name)
    }
}
