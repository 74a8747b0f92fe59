extension RunOptions {
    /// Sets options from flags: `--learning-rate 1e-3`, `--learning-rate=1e-3`, and for a truth value its name alone.
    ///
    /// - Throws: a ``TrainingError`` about the flag, which is wrong usage.
    public mutating func read(flags arguments: [String]) throws {
        func flag(_ name: String) -> String { "--" + name.replacing("_", with: "-") }
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--"), argument.count > 2 else {
                throw TrainingError("\(argument): not expected; options are written --name value")
            }
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            if parts.count == 2 {
                try set(name, to: String(parts[1]), spelling: flag)
            } else if Self.field(name)?.isFlag == true, rest.first?.hasPrefix("--") ?? true {
                try set(name, to: "true", spelling: flag)
            } else if Self.field(name) == nil {
                try set(name, to: "", spelling: flag)
            } else if let value = rest.popFirst() {
                try set(name, to: value, spelling: flag)
            } else {
                throw TrainingError("\(argument): its value is missing")
            }
        }
    }

    /// One entry for each option, those of stages aside, for a command's help: flag, default, explanation.
    public static var help: String {
        let defaults = Self()
        return fields.filter { !$0.isOfStage }.map { field in
            let text = field.text(defaults)
            let value = text.isEmpty ? "" : " (default: \(text))"
            return "  --\(field.name.replacing("_", with: "-"))\n      \(field.help)\(value)"
        }.joined(separator: "\n")
    }
}
