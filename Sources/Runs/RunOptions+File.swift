import Foundation
import JSON
import Yams

extension RunOptions {
    /// Reads a run file: a YAML mapping of option names to values, with an optional `stage` that must be this one. What it does
    /// not name keeps its value. Options of a stage are named `av.steps`, or stand in a mapping of their own: `av: {steps: 200}`.
    /// Throws a ``TrainingError`` with file and line.
    public mutating func read(runFile url: URL) throws {
        guard let data = FileManager.default.contents(atPath: url.path) else {
            throw TrainingError("\(url.path): no run file that can be read there")
        }
        guard let text = String(data: data, encoding: .utf8) else { throw TrainingError("\(url.path): not UTF-8 text") }
        try read(runFile: text, source: url.path)
    }

    /// Reads the text of a run file; `source` stands for its path in messages.
    public mutating func read(runFile text: String, source: String) throws {
        if let complaint = YAMLNesting.complaint(text) { throw TrainingError("\(source): \(complaint)") }
        let node: Node?
        do { node = try Yams.compose(yaml: text) } catch {
            let line = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
            throw TrainingError("\(source): not YAML: \(line)")
        }
        guard let node else { return }
        guard let mapping = node.mapping else {
            throw TrainingError("\(source): a mapping is needed, one «option: value» on each line")
        }
        try read(mapping, source: source, stage: "")
    }

    private mutating func read(_ mapping: Node.Mapping, source: String, stage: String) throws {
        for (key, value) in mapping {
            let line = key.mark.map { " line \($0.line):" } ?? ""
            guard let own = key.scalar?.string else { throw TrainingError("\(source):\(line) an option has no name") }
            let name = stage + own
            if let inner = value.mapping, stage.isEmpty, Self.fields.contains(where: { $0.name.hasPrefix(name + ".") })
            {
                try read(inner, source: source, stage: name + ".")
                continue
            }
            guard let text = RunFile.text(value) else {
                throw TrainingError("\(source):\(line) \(name): a value or a list of values is needed")
            }
            if name == "stage" {
                guard text == Self.stage else {
                    throw TrainingError("\(source):\(line) a run file of the kind \(text), not \(Self.stage)")
                }
                continue
            }
            try set(name, to: text, source: "\(source):\(line) ") { $0 }
        }
    }

    /// All options as a run file that gives the same run again.
    public func runFile() -> String {
        let lines = Self.fields.compactMap { field -> String? in
            let text = field.text(self)
            // What is not said about a stage is its own affair.
            if field.isOfStage && text.isEmpty { return nil }
            return "\(field.name): \(field.isText ? RunFile.quoted(text) : text)\n"
        }
        return "stage: \(Self.stage)\n" + lines.joined()
    }
}

/// What run files have in common, whatever the run.
enum RunFile {
    /// A scalar as it is written, or a sequence of scalars with commas between; nil for anything else.
    static func text(_ node: Node) -> String? {
        if let scalar = node.scalar { return scalar.string }
        guard let sequence = node.sequence else { return nil }
        let parts = sequence.compactMap { $0.scalar?.string }
        return parts.count == sequence.count ? parts.joined(separator: ",") : nil
    }

    /// Text as a YAML scalar: plain where that can mean nothing else, else as a JSON string, which YAML reads too.
    static func quoted(_ text: String) -> String {
        let isPlain = text.wholeMatch(of: /[A-Za-z.\/][A-Za-z0-9_.\/+=-]*/) != nil
        let isWord = !["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(text.lowercased())
        let isNumber = Double(text) != nil
        return isPlain && isWord && !isNumber ? text : JSONValue.string(text).serialized()
    }
}
