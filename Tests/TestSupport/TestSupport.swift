import Foundation
import LanguageModel
import Tensors

/// The folder Tests/Goldens, found from this file.
public let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Goldens")

/// The pair that comes with the repository, with its target.
public let bundledPair = goldens.deletingLastPathComponent().deletingLastPathComponent().appending(path: "Models/tiny")

/// Reference material that may lie beside the repository, or nil. Tests that need it skip without it.
public let sharedMaterial: URL? = {
    let root = goldens.deletingLastPathComponent().deletingLastPathComponent()
    let place = ProcessInfo.processInfo.environment["INTERLINEAR_SHARED"].map { URL(fileURLWithPath: $0) }
    let folder = place ?? root.deletingLastPathComponent().appendingPathComponent("shared")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
}()

/// Whether a part of the reference material is there.
public func hasShared(_ path: String) -> Bool {
    sharedMaterial.map { FileManager.default.fileExists(atPath: $0.appending(path: path).path) } ?? false
}

/// A random forest of segments, some long, some branching, none empty.
public func randomTree(segments: Int, vocabulary: Int, using random: inout Random) -> TokenTree {
    var tree = TokenTree()
    for index in 0..<segments {
        let parent =
            index == 0 || Int.random(in: 0..<4, using: &random) == 0 ? nil : Int.random(in: 0..<index, using: &random)
        let length = Int.random(in: 1...(Int.random(in: 0..<4, using: &random) == 0 ? 70 : 9), using: &random)
        tree.append((0..<length).map { _ in Int32.random(in: 0..<Int32(vocabulary), using: &random) }, after: parent)
    }
    return tree
}

/// The tokens from the root to the end of a segment, and the first of them that is the segment's own.
public func path(_ tree: TokenTree, to segment: Int) -> (tokens: [Int32], own: Int) {
    var tokens: [Int32] = []
    var next: Int? = segment
    while let index = next {
        tokens = Array(tree.tokens[tree.segments[index].rows]) + tokens
        next = tree.segments[index].parent
    }
    return (tokens, tokens.count - tree.segments[segment].count)
}
