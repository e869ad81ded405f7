private import ArgumentParser
private import Commands

@main
enum Arobust {
    static func main() async {
        FirstProcess.superviseIfFirst()
        StandardStreams.fillGaps()
        await ArobustCommand.main()
    }
}
