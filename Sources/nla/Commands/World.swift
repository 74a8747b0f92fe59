import ArgumentParser
import Claims
import JSON
import TinyWorld

struct World: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write texts of a tiny world, with what is true in them.",
        discussion: """
            Stories, couplets, pages of an atlas, interviews, talk in invented languages, and series. With --truth every text \
            is followed by its facts: stated or latent, and from where; then by the places where a fact decides what comes \
            next. With --json one object per line, facts included.
            """)

    @Option(
        help: ArgumentHelp("One kind only: story, couplet, atlas, interview, language or series.", valueName: "kind"))
    var kind: TinyWorld.Kind?

    @Option(help: ArgumentHelp("training or held-out.", valueName: "split"))
    var split: TinyWorld.Split = .training

    @Option(help: ArgumentHelp("Number of texts.", valueName: "n"))
    var count = 6

    @Flag(help: "Print what is true, too.")
    var truth = false

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if !(1...10_000_000).contains(count) { throw ValidationError("--count must be between 1 and 10000000.") }
    }

    func run() throws {
        let world = TinyWorld(seed: shared.seed)
        let grammar = TinyWorldGrammar()
        for index in 0..<count {
            let document = world.document(index, split: split, kind: kind)
            if shared.json {
                try Output.line(document.json.serialized())
            } else {
                try Output.write(index == 0 ? "" : "\n")
                try Output.line(document.text)
                if truth { try Output.write(description(document, grammar)) }
            }
        }
    }

    /// A line for each fact and each moment, in columns.
    private func description(_ document: LabelledDocument, _ grammar: TinyWorldGrammar) -> String {
        let bytes = Array(document.text.utf8)
        func tail(_ offset: Int) -> String {
            let words = String(decoding: bytes[..<offset], as: UTF8.self).split(whereSeparator: \.isWhitespace)
            return "…" + words.suffix(3).joined(separator: " ")
        }
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(1, width - text.count))
        }
        var text = ""
        for truth in document.truths {
            var places = truth.from < (truth.statedFrom ?? .max) ? "latent from \(tail(truth.from))" : ""
            if let stated = truth.statedFrom {
                places += (places.isEmpty ? "" : ", ") + "stated from \(tail(stated))"
            }
            if let until = truth.until { places += ", until \(tail(until))" }
            text += "    " + padded(grammar.sentence(truth.fact) ?? "\(truth.fact)", 44) + places + "\n"
        }
        for moment in document.moments {
            text +=
                "    " + padded("\(moment.kind): \(moment.question)", 44) + "\(tail(moment.offset)) →\(moment.answer)\n"
        }
        return text
    }
}

extension TinyWorld.Kind: ExpressibleByArgument {}
extension TinyWorld.Split: ExpressibleByArgument {}
