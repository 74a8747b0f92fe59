import Foundation
import TestSupport
import Testing

@Suite("Documentation")
struct DocumentationTests {
    private static let root = goldens.deletingLastPathComponent().deletingLastPathComponent()

    /// Files of the repository with one of these endings, hidden and built ones aside.
    private static func files(_ endings: Set<String>) throws -> [URL] {
        let skipped: Set<String> = ["runs", "demo", "node_modules"]
        guard
            let all = FileManager.default.enumerator(
                at: root, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles])
        else { return [] }
        var found: [URL] = []
        while let file = all.nextObject() as? URL {
            if skipped.contains(file.lastPathComponent) { all.skipDescendants() }
            if endings.contains(file.pathExtension) { found.append(file) }
        }
        return found
    }

    /// The anchors of a page's headings, as GitHub and other readers of Markdown make them.
    private static func anchors(_ page: String) -> Set<String> {
        Set(
            withoutCode(page).split(separator: "\n").filter { $0.hasPrefix("#") }.map { line in
                let words = line.drop { $0 == "#" || $0 == " " }.lowercased()
                return String(
                    words.compactMap { character in
                        if character == " " { return "-" }
                        return character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
                    })
            })
    }

    /// A page without its blocks of code, in which brackets mean something else.
    private static func withoutCode(_ page: String) -> String {
        page.components(separatedBy: "```").enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element).joined()
    }

    @Test("Every link from one page of the repository to another, or to a file, leads somewhere")
    func links() throws {
        let pages = try Self.files(["md"])
        try #require(pages.contains { $0.lastPathComponent == "README.md" })
        var count = 0
        for page in pages {
            for match in Self.withoutCode(try String(contentsOf: page, encoding: .utf8)).matches(
                of: #/\]\(([^)\s]+)\)/#)
            {
                let link = String(match.1)
                if link.contains("://") || link.hasPrefix("mailto:") { continue }
                count += 1
                let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                let place =
                    parts[0].isEmpty
                    ? page : page.deletingLastPathComponent().appending(path: parts[0]).standardizedFileURL
                guard FileManager.default.fileExists(atPath: place.path) else {
                    Issue.record("\(page.path): \(link): there is no such file")
                    continue
                }
                if parts.count == 2, place.pathExtension == "md" {
                    let anchors = Self.anchors(try String(contentsOf: place, encoding: .utf8))
                    #expect(anchors.contains(parts[1]), "\(page.path): \(link): the page has no such heading")
                }
            }
        }
        #expect(count > 100)
    }

    @Test("The sections of docs/method.md that the code cites are there")
    func sections() throws {
        let method = try String(contentsOf: Self.root.appending(path: "docs/method.md"), encoding: .utf8)
        let there = Set(method.matches(of: #/(?m)^#+ §([0-9.]+) /#).map { String($0.1) })
        var count = 0
        for file in try Self.files(["swift", "h", "c"]) where file.path.contains("/Sources/") {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: #/docs/method\.md §([0-9]+(\.[0-9]+)?)/#) {
                count += 1
                #expect(there.contains(String(match.1)), "\(file.path): docs/method.md has no §\(match.1)")
            }
        }
        #expect(count > 20)
    }
}
