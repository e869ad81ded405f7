private import ArgumentParser
private import Commands

@main
enum Arobust {
    static func main() async {
        await ArobustCommand.main()
    }
}
