import JSON

/// `docs/cli.md`, made from what `nla --experimental-dump-help` prints: every command with its options.
///
///     let page = try CommandLineReference.page(JSONValue.parse(output))
enum CommandLineReference {
    /// The whole page. Throws for a document that describes no command.
    static func page(_ help: JSONValue) throws -> String {
        guard let root = help["command"], let name = root["commandName"]?.string else { throw NoCommand() }
        let commands = leaves(root, path: [])
        var lines = [
            "# Command line", "",
            "Written from the commands' own help by a test (`make cli-docs`). Every command also answers `--help`.", "",
        ]
        lines += [root["abstract"]?.string, root["discussion"]?.string].compactMap { $0 }.flatMap { [prose($0), ""] }
        lines += [
            "Options of training runs and experiments are also lines of a run file (`--run file.yaml`), with underscores: "
                + "`learning_rate: 0.001`. Where `--precision` has the default f32 below, a processor with bfloat16 instructions "
                + "takes bf16, except in `\(name) redteam vector`.", "",
            "| command | what it does |", "|---|---|",
        ]
        lines += commands.map { "| [`\($0.name)`](#\($0.name.replacing(" ", with: "-"))) | \(cell($0.abstract)) |" }
        for command in commands { lines += ["", "## \(command.name)", "", prose(command.abstract)] + section(command) }
        return lines.joined(separator: "\n") + "\n"
    }

    private struct NoCommand: Error {}

    /// A command that does something, with its whole name.
    private struct Command {
        let name: String
        let abstract: String
        let discussion: String
        let arguments: [JSONValue]
    }

    private static func leaves(_ command: JSONValue, path: [String]) -> [Command] {
        let path = path + [command["commandName"]?.string ?? ""]
        let below = (command["subcommands"]?.array ?? []).filter {
            $0["commandName"]?.string != "help" && $0["shouldDisplay"]?.bool != false
        }
        guard below.isEmpty else { return below.flatMap { leaves($0, path: path) } }
        return [
            Command(
                name: path.joined(separator: " "), abstract: command["abstract"]?.string ?? "",
                discussion: command["discussion"]?.string ?? "", arguments: command["arguments"]?.array ?? [])
        ]
    }

    /// What stands under a command's heading behind its abstract.
    private static func section(_ command: Command) -> [String] {
        // Stages of training list the options of their run file at the end of their discussion.
        let parts = command.discussion.split(separator: listMark, maxSplits: 1, omittingEmptySubsequences: false)
        let text = (parts.first.map(String.init) ?? "").trimmingSuffix("\n")
        let flags = Set(command.arguments.flatMap(names))
        var rows = command.arguments.compactMap { row($0, among: flags) }
        if parts.count == 2 { rows += runOptions(parts[1]) }
        var lines = text.isEmpty ? [] : ["", prose(text)]
        if !rows.isEmpty { lines += ["", "| option | meaning | default |", "|---|---|---|"] + rows }
        return lines
    }

    private static let listMark = "Options, each also a line of a run file (name: value, with underscores):\n"

    private static func names(_ argument: JSONValue) -> [String] {
        (argument["names"]?.array ?? []).compactMap { name in
            name["name"]?.string.map { (name["kind"]?.string == "long" ? "--" : "-") + $0 }
        }
    }

    /// One line of the table; nil for what every command has, for the place where a run's options go, and for a flag that denies
    /// another, which is told with that one.
    private static func row(_ argument: JSONValue, among flags: Set<String>) -> String? {
        guard argument["shouldDisplay"]?.bool != false, argument["parsingStrategy"]?.string != "allUnrecognized" else {
            return nil
        }
        var names = names(argument)
        guard !names.contains("--help"), !names.contains("--version"),
            !names.contains(where: { $0.hasPrefix("--no-") && flags.contains("--" + $0.dropFirst(5)) })
        else { return nil }
        names += names.map { $0.replacing("--", with: "--no-", maxReplacements: 1) }.filter(flags.contains)
        let value = argument["valueName"]?.string ?? ""
        let spelling =
            switch argument["kind"]?.string {
            case "positional": "<\(value)>"
            case "flag": names.joined(separator: ", ")
            default: names.joined(separator: ", ") + " <\(value)>"
            }
        var meaning = argument["abstract"]?.string ?? ""
        if let values = argument["allValues"]?.array {
            meaning += " One of \(values.compactMap(\.string).joined(separator: ", "))."
        }
        if argument["isRepeating"]?.bool == true { meaning += " May be repeated." }
        let isRequired = argument["isOptional"]?.bool == false
        return line(spelling, meaning, isRequired ? "required" : argument["defaultValue"]?.string ?? "")
    }

    /// The options of a run file: a flag in one line, its meaning and default in the next.
    private static func runOptions(_ list: Substring) -> [String] {
        var rows: [String] = [], flag: String?
        for text in list.split(separator: "\n") {
            let words = text.drop { $0 == " " }
            if words.hasPrefix("--") {
                flag = String(words)
            } else if let name = flag {
                let mark = " (default: "
                guard words.hasSuffix(")"), let start = words.ranges(of: mark).last else {
                    rows.append(line(name, String(words), ""))
                    flag = nil
                    continue
                }
                let value = words[start.upperBound...].dropLast()
                rows.append(line(name, String(words[..<start.lowerBound]), String(value)))
                flag = nil
            }
        }
        return rows
    }

    private static func line(_ option: String, _ meaning: String, _ value: String) -> String {
        let shown = value.isEmpty || value == "required" ? value : "`\(escapedBar(value))`"
        return "| `\(escapedBar(option))` | \(cell(meaning)) | \(shown) |"
    }

    /// Text between the bars of a table.
    private static func cell(_ text: String) -> String { escapedBar(prose(text)) }

    private static func escapedBar(_ text: String) -> String { text.replacing("|", with: "\\|") }

    /// Text in which nothing is taken for a tag.
    private static func prose(_ text: String) -> String { text.replacing("<", with: "\\<") }
}

extension String {
    /// Without a character at the end, however often it stands there.
    fileprivate func trimmingSuffix(_ character: Character) -> String {
        var text = self[...]
        while text.last == character { text = text.dropLast() }
        return String(text)
    }
}
