private import ArgumentParser
private import Commands

@main
enum Arobust {
    static func main() async {
        StandardStreams.fillGaps()
        await ArobustCommand.main()
    }
}
