import Foundation

/// Which files of a folder or a repository make one data set: one file, or all whose names differ by their number alone, as
/// `train-00000-of-00002.parquet` and `train-00001-of-00002.parquet`, `part-0.jsonl` and `part-1.jsonl`, `0000.parquet` and `0001.parquet`.
///
/// Files with other names (`train` and `test`, `av_sft` and `rl`) are different data sets; nobody meant them to be read as one.
package enum DataShards {
    /// What some files come to.
    package enum Choice: Sendable, Equatable {
        /// There is none.
        case none
        /// One data set: its files, in the order of their numbers.
        case files([String])
        /// One data set whose names say how many files there are, and this one is not there.
        case incomplete(missing: String)
        /// Several: a file's path, or a pattern, for each.
        case several([String])
    }

    /// Chooses among files of one kind.
    package static func choose(among paths: [String]) -> Choice {
        let sets = Dictionary(grouping: paths.map(Name.init), by: \.stem).flatMap { split($1, $0) }
            .sorted { $0.name < $1.name }
        guard let set = sets.first else { return .none }
        guard sets.count == 1 else { return .several(sets.map(\.name)) }
        if let missing = missing(set.files) { return .incomplete(missing: missing) }
        return .files(set.files.map(\.path))
    }

    /// The name of a file that is not there although the others say how many there are.
    package static func missing(_ paths: [String]) -> String? {
        Dictionary(grouping: paths.map(Name.init), by: \.stem).values.compactMap(missing).min()
    }

    private static func missing(_ files: [Name]) -> String? {
        guard let first = files.first, let total = first.stem.total else { return nil }
        let numbers = Set(files.map(\.number))
        // Some count from 1.
        let start = numbers.contains(total) ? 1 : 0
        guard let gap = (start..<total + start).first(where: { !numbers.contains($0) }) else { return nil }
        let text = String(gap)
        return first.stem.before + String(repeating: "0", count: max(0, first.digits - text.count)) + text
            + first.stem.behind
    }

    /// Files whose names differ by their number, as one set under a pattern that matches them; apart where a number is left out, for then
    /// nobody knows whether they belong together.
    private static func split(_ files: [Name], _ stem: Stem) -> [(name: String, files: [Name])] {
        let ordered = files.sorted { ($0.number, $0.path) < ($1.number, $1.path) }
        let isRun = stem.total != nil || zip(ordered, ordered.dropFirst()).allSatisfy { $0.number + 1 == $1.number }
        guard files.count > 1, isRun else { return files.map { ($0.path, [$0]) } }
        return [("\(stem.before)*\(stem.behind)", ordered)]
    }

    /// Whether a file holds records, by its ending.
    package static func isRecords(_ path: String) -> Bool { path.hasSuffix(".parquet") || path.hasSuffix(".jsonl") }

    /// Whether a file may hold activations, by its ending.
    package static func isVectors(_ path: String) -> Bool {
        path.hasSuffix(".parquet") || path.hasSuffix(".safetensors")
    }

    /// Where the sidecars of files of activations stand: beside each, or one in the folder of several.
    package static func sidecars(of files: [String]) -> [String] {
        let folders = files.count < 2 ? [] : Set(files.map { $0.prefix(through: $0.lastIndex(of: "/")) })
        return files.map { $0 + ".nla_meta.yaml" } + folders.sorted().map { $0 + "nla_meta.yaml" }
    }

    /// What the names of one set's files have in common.
    private struct Stem: Hashable {
        var before: String
        var behind: String
        /// How many files there are, where the names say so.
        var total: Int?
    }

    /// A path in its parts.
    private struct Name {
        let path: String
        var stem: Stem
        /// 0 where there is none.
        var number = 0
        /// How many digits the number is written with.
        var digits = 0

        init(_ path: String) {
            self.path = path
            let folder = path.prefix(through: path.lastIndex(of: "/")), file = path.dropFirst(folder.count)
            if let match = file.wholeMatch(of: /(.*?)([0-9]{1,9})(-of-([0-9]{1,9})\..+)/) {
                stem = Stem(before: folder + match.1, behind: String(match.3), total: Int(match.4))
                (number, digits) = (Int(match.2) ?? 0, match.2.count)
            } else if let match = file.wholeMatch(of: /((?:.*[\-_.])?)([0-9]{1,9})(\.[A-Za-z]+)/)
                ?? file.wholeMatch(of: /(part-)([0-9]{1,9})(-.*\.[A-Za-z]+)/)
            {
                stem = Stem(before: folder + match.1, behind: String(match.3), total: nil)
                (number, digits) = (Int(match.2) ?? 0, match.2.count)
            } else {
                stem = Stem(before: path, behind: "", total: nil)
            }
        }
    }
}

extension String {
    /// All up to a place and with it; nothing for no place.
    fileprivate func prefix(through index: Index?) -> String { index.map { String(self[...$0]) } ?? "" }
}

/// A path with wildcards: `*` and `?` stay inside a folder's or a file's name, `**` is any number of folders, `[…]` one of a set. Hidden
/// files are matched by what begins with a dot alone.
package struct PathPattern: Sendable {
    private struct Part: Sendable {
        let text: String
        let glob: Glob
    }
    private let parts: [Part]
    /// The folders in front of the first wildcard.
    package let folder: String

    /// Nil for a path without wildcards.
    package init?(_ text: String) {
        guard Self.hasWildcard(text) else { return nil }
        let names = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        folder = names.prefix { !Self.hasWildcard($0) }.joined(separator: "/")
        parts = names.map { Part(text: $0, glob: Glob($0)) }
    }

    private static func hasWildcard(_ text: String) -> Bool { text.contains { "*?[".contains($0) } }

    /// Whether it matches all of a path.
    package func matches(_ path: String) -> Bool {
        let names = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        // Whether the parts so far match the first n names, for every n: time grows with parts times names.
        var ends = [true] + [Bool](repeating: false, count: names.count)
        for part in parts {
            var next = [Bool](repeating: false, count: names.count + 1)
            if part.text == "**" {
                for index in next.indices {
                    next[index] = ends[index] || (index > 0 && next[index - 1] && !names[index - 1].hasPrefix("."))
                }
            } else {
                for index in names.indices where ends[index] {
                    let isHidden = names[index].hasPrefix(".") && !part.text.hasPrefix(".")
                    next[index + 1] = !isHidden && part.glob.matches(names[index])
                }
            }
            ends = next
        }
        return ends[names.count]
    }
}
